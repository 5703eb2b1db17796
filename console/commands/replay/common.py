"""What the commands of `headrace replay` share: options, and how they reach the cluster and the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console

    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.replay.audit import AuditEntry
    from headrace.console.replay.redrive.outcomes import RedriveOutcomes
    from headrace.streams.stage import Stage

ExecuteOption = Annotated[bool, typer.Option("--execute/--dry-run", help="Do it, or only say what would be done.")]
ReplayJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why: for those who read `headrace replay list`.")]
ReplayId = Annotated[
    str, typer.Argument(metavar="ID", help="A replay, or the beginning of its id.", show_default=False)
]


def connect() -> KafkaAdmin:
    """Reach the cluster that the environment names."""
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load

    return KafkaAdmin(load(KafkaSettings))


def screen() -> Console:
    """Where tables are printed, as wide as they have to be."""
    from rich.console import Console

    from headrace.console.replay.render import WIDTH

    return Console(highlight=False, width=WIDTH)


def print_action(action: AuditEntry, outcomes: RedriveOutcomes | None, as_json: bool) -> None:
    """Say all that is known of a replay, and what has become of what it sent."""
    import json

    from headrace.console.replay import render
    from headrace.console.replay.redrive import render as redrive_render

    if as_json:
        told = {**render.action(action), "outcomes": outcomes and redrive_render.outcomes(outcomes)}
        typer.echo(json.dumps(told, indent=2))
        return
    render.print_action(action, screen())
    if outcomes is not None:
        redrive_render.print_outcomes(outcomes, screen())


def stage_of(name: str) -> Stage:
    """Give the stage of that name. Raises `Refused` where there is none."""
    from headrace.streams import pipeline

    try:
        [stage] = pipeline.get_stages([name])
    except ValueError as error:
        raise CommandError(str(error)) from error
    return stage
