"""Options and helpers shared by the `headrace replay` commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json

if TYPE_CHECKING:
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.replay.audit import AuditEntry
    from headrace.console.replay.redrive.outcomes import RedriveOutcomes
    from headrace.console.terminal.screen import Console
    from headrace.streams.stage import Stage

DRY_RUN = "Dry run: nothing changed. Re-run with --execute to apply."

ExecuteOption = Annotated[
    bool, typer.Option("--execute/--dry-run", help="Apply the changes (default: dry run).", show_default=False)
]
ReplayJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Reason, recorded in `headrace replay list`.")]
ReplayId = Annotated[str, typer.Argument(metavar="ID", help="Replay id or a unique prefix of it.", show_default=False)]


@dataclass(frozen=True, slots=True)
class ReplayRunOptions:
    """The options that `rewind` and `redrive` share."""

    execute: bool
    reason: str
    as_json: bool


def connect() -> KafkaAdmin:
    """Return an admin client for the cluster in HEADRACE_BOOTSTRAP_SERVERS."""
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load

    return KafkaAdmin(load(KafkaSettings))


def screen() -> Console:
    """Return a console wide enough for every table."""
    from headrace.console.replay.render import WIDTH
    from headrace.console.terminal.screen import Console

    return Console(width=WIDTH)


def print_action(action: AuditEntry, outcomes: RedriveOutcomes | None, as_json: bool) -> None:
    """Print an audit entry and the outcomes of the records it sent."""

    from headrace.console.replay import render
    from headrace.console.replay.redrive import render as redrive_render

    if as_json:
        document = {**render.action(action), "outcomes": outcomes and redrive_render.outcomes(outcomes)}
        print_json(document)
        return
    render.print_action(action, screen())
    if outcomes is not None:
        redrive_render.print_outcomes(outcomes, screen())


def stage_of(name: str) -> Stage:
    """Return the stage with this name. Raises `CommandError` if there is none."""
    from headrace.console.routing.stages import load_stages
    from headrace.streams import pipeline

    try:
        [stage] = pipeline.get_stages([name], load_stages())
    except ValueError as error:
        raise CommandError(str(error)) from error
    return stage
