"""`headrace replay pause`, `resume`, `stop` and `watch`: control a running replay from another terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.replay.common import (
    ReplayId,
    ReplayJsonOption,
    connect,
    print_action,
    stage_of,
)
from headrace.console.terminal.output import print_line

if TYPE_CHECKING:
    from headrace.console.replay.audit import ControlCommand


def pause(id_: ReplayId) -> None:
    """Pause a running replay. It keeps its group lock, so no other redrive of the stage can start."""
    _send("pause", id_)


def resume(id_: ReplayId) -> None:
    """Resume a paused replay. To continue a stopped one, run its original command again."""
    _send("resume", id_)


def stop(id_: ReplayId) -> None:
    """Stop a running replay. Sent records stay sent; running the same command again continues from there."""
    _send("stop", id_)


def watch(
    id_: ReplayId,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the replay to end.")] = 3600.0,
    as_json: ReplayJsonOption = False,
) -> None:
    """Follow a replay until it and every record it sent have ended, with progress bars on a terminal."""
    from headrace.console.replay import audit, follow, journal

    cluster = connect()
    action = audit.find(journal.read_entries(cluster), id_)
    stage = stage_of(action.stage) if action.kind == "redrive" else None
    action, outcomes = follow.follow(cluster, action, stage, wait)
    print_action(action, outcomes, as_json)


def _send(command: ControlCommand, id_: str) -> None:
    from headrace.console.replay import audit, control, journal

    cluster = connect()
    action = control.send_command(cluster, command, audit.find(journal.read_entries(cluster), id_))
    state = "running" if action.state == "begun" else action.state
    print_line(f"{action.id}: {state} after {action.sent:,} of {action.letters:,}")
