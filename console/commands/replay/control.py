"""`headrace replay pause`, `resume`, `stop` and `watch`: a replay at work, from another terminal."""

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

if TYPE_CHECKING:
    from headrace.console.replay.audit import ControlCommand


def pause(id_: ReplayId) -> None:
    """Hold a replay up that is at work. It keeps its place, and nobody else can begin one of the same stage."""
    _tell("pause", id_)


def resume(id_: ReplayId) -> None:
    """Let a replay go on that was paused. One that was stopped goes on when the same command is run again."""
    _tell("resume", id_)


def stop(id_: ReplayId) -> None:
    """End a replay that is at work. What it has sent stays sent; to run the same command again goes on from there."""
    _tell("stop", id_)


def watch(
    id_: ReplayId,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for its end.")] = 3600.0,
    as_json: ReplayJsonOption = False,
) -> None:
    """Follow a replay until it and all that it sent has ended, with bars on a terminal; then say how."""
    from headrace.console.replay import audit, follow, journal

    cluster = connect()
    action = audit.find(journal.read_entries(cluster), id_)
    stage = stage_of(action.stage) if action.what == "redrive" else None
    action, outcomes = follow.follow(cluster, action, stage, wait)
    print_action(action, outcomes, as_json)


def _tell(command: ControlCommand, id_: str) -> None:
    from headrace.console.replay import audit, control, journal

    cluster = connect()
    action = control.send_command(cluster, command, audit.find(journal.read_entries(cluster), id_))
    state = "at work" if action.state == "begun" else action.state
    typer.echo(f"{action.id}: {state} after {action.sent:,} of {action.letters:,}")
