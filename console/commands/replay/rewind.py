"""`headrace replay`: move a stage back on the log, and send dead letters back to the stage that gave them up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headrace.console.commands.replay.common import (
    ExecuteOption,
    ReasonOption,
    ReplayId,
    ReplayJsonOption,
    connect,
    print_action,
    screen,
    stage_of,
)
from headrace.console.commands.replay.control import pause, resume, stop, watch
from headrace.console.commands.replay.redrive import redrive
from headrace.console.commands.replay.trial import diff, discard
from headrace.console.errors import CommandError

if TYPE_CHECKING:
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.replay.audit import AuditEntry, ReplayKind
    from headrace.console.replay.rewind.moves import RewindScope
    from headrace.console.replay.rewind.rewind import RewindPlan
    from headrace.console.replay.rewind.targets import RewindTarget

_NOTHING = "nothing was worked; to do it: --execute"

app = typer.Typer(no_args_is_help=True, help="Work again what was worked before, without paying twice.")
for command in (redrive, diff, discard, watch, pause, resume, stop):
    app.command()(command)


@app.command()
def rewind(
    stage: Annotated[str, typer.Argument(metavar="STAGE", show_default=False)],
    to: Annotated[str, typer.Option(help="earliest, latest, an offset, 2026-03-14T15:09, or -2h.", show_default=False)],
    topic: Annotated[list[str] | None, typer.Option(help="Only this input; may be repeated.")] = None,
    partition: Annotated[int | None, typer.Option(help="Only this partition.")] = None,
    look: Annotated[int, typer.Option(min=0, help="Look at the results of about so many records.")] = 2000,
    into: Annotated[str, typer.Option(metavar="NAME", help="Try it apart, under a name: headrace replay diff.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Have new results, which are paid for again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Pay without being asked.")] = False,
    execute: ExecuteOption = False,
    reason: ReasonOption = "",
    as_json: ReplayJsonOption = False,
) -> None:
    """Move a stage's consumer group, after saying what that means. The stage has to be stopped for it.

    Its inputs are moved; completions of jobs and records that wait for another try only where --topic names them.
    STAGE's own dead-letter topic stands for the position of its redrives. With --into nothing is moved: the stage as it
    is installed here works its inputs up to now, apart from what is live, without a call that costs.
    """
    import time

    from headrace.console.replay.rewind import moves, targets
    from headrace.console.replay.rewind import rewind as rewinding

    target = targets.parse(to, time.time())
    scope = moves.scope_of(stage_of(stage), topic or (), partition)
    cluster = connect()
    if fresh and (into or scope.group != scope.stage.group):
        raise CommandError("--fresh is for a stage that works its inputs again; here nothing of it is paid for")
    if fresh and not look:
        raise CommandError("--fresh says what it costs before anything else: leave --look 0 away")
    if into:
        _try(cluster, into, scope, target, (execute, reason, as_json))
        return
    plan = rewinding.plan_rewind(cluster, replace(scope, fresh=fresh), target, look)
    ask = fresh and execute and not yes
    if ask:
        _somebody_is_there(as_json)
    asked = f"{target}, fresh" if fresh else str(target)
    begun = _action("rewind", plan.scope, asked, reason) if execute else None
    _carry_out(cluster, plan, begun, as_json, ask)


@app.command()
def undo(
    id_: ReplayId, execute: ExecuteOption = False, reason: ReasonOption = "", as_json: ReplayJsonOption = False
) -> None:
    """Put a group back to where it was before a rewind."""
    from headrace.console.replay import audit, journal
    from headrace.console.replay.rewind import moves
    from headrace.console.replay.rewind import rewind as rewinding

    cluster = connect()
    done = audit.find(journal.read_entries(cluster), id_)
    if not done.shifts:
        raise CommandError(f"{done.id} moved nothing: a redrive cannot be undone, its letters are with their stage")
    scope = moves.RewindScope(stage_of(done.stage), done.group, tuple(sorted({shift.topic for shift in done.shifts})))
    scope = replace(scope, stale=done.fresh)
    plan = rewinding.plan_undo(cluster, scope, done)
    _carry_out(cluster, plan, _action("undo", scope, done.id, reason) if execute else None, as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20, as_json: ReplayJsonOption = False
) -> None:
    """List who replayed what, when and why."""
    from headrace.console.replay import journal, render

    found = list(journal.read_entries(connect()).values())[-limit:]
    if as_json:
        typer.echo(json.dumps([render.action(each) for each in found], indent=2))
    else:
        render.print_actions(found, screen())


@app.command("show")
def show_(id_: ReplayId, as_json: ReplayJsonOption = False) -> None:
    """Show one replay: what it changed, or what has become of the letters that it sent."""
    from headrace.console.replay import audit, journal
    from headrace.console.replay.redrive import watch as redrive_watch

    cluster = connect()
    action = audit.find(journal.read_entries(cluster), id_)
    outcomes = redrive_watch.since(cluster, stage_of(action.stage), action).look() if action.what == "redrive" else None
    print_action(action, outcomes, as_json)


def _carry_out(
    cluster: KafkaAdmin, plan: RewindPlan, action: AuditEntry | None, as_json: bool, ask: bool = False
) -> None:
    """Say what will be done; with an action, do it, once it is confirmed where it has to be."""
    from headrace.console.replay.rewind import render
    from headrace.console.replay.rewind import rewind as rewinding

    if not as_json:
        render.print_rewind(plan, screen())
    if ask:
        typer.confirm("Results from before no longer count for this stage. Pay for new ones?", abort=True)
    done = rewinding.execute(cluster, plan, action) if action else None
    if as_json:
        typer.echo(json.dumps({"id": done and done.id, "executed": done is not None, **render.rewind(plan)}, indent=2))
    elif done:
        typer.echo(f"{done.id}: done, read back and verified. To go back: headrace replay undo {done.id} --execute")
    else:
        busy = f", but first stop {'; '.join(plan.members)}" if plan.members else ""
        typer.echo(f"nothing was changed; to do it: --execute{busy}")


def _try(cluster: KafkaAdmin, name: str, scope: RewindScope, target: RewindTarget, how: tuple[bool, str, bool]) -> None:
    """Say what a trial will work; with `execute`, work it and say what it found."""
    from headrace.console.replay import journal
    from headrace.console.replay.trial import render as trial_render
    from headrace.console.replay.trial import trial

    execute, reason, as_json = how
    of = trial.trial_of(name, scope.stage)
    plan = trial.plan_trial(cluster, of, scope, target, journal.read_entries(cluster).values())
    if not as_json:
        trial_render.print_trial(plan, screen())
    if not execute:
        typer.echo(json.dumps({"executed": False, **trial_render.trial(plan)}, indent=2) if as_json else _NOTHING)
        return
    begun = journal.start_entry("trial", (of.stage.name, of.group), plan.target, reason)
    trial.execute(cluster, plan, begun)
    found = list(trial.compared(cluster, name).values())
    if as_json:
        told = {"id": begun.id, "executed": True, **trial_render.trial(plan), "diff": trial_render.diff(found)}
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(f"{begun.id}: done; headrace replay diff {name} says more")
        trial_render.print_diff(found, 0, screen())


def _somebody_is_there(as_json: bool) -> None:
    """Raise `Refused` where nobody can be asked whether to pay."""
    import sys

    if as_json or not sys.stdin.isatty():
        raise CommandError("--fresh pays again for what was paid for: say --yes where nobody can be asked")


def _action(what: ReplayKind, scope: RewindScope, asked: str, reason: str) -> AuditEntry:
    from headrace.console.replay import journal

    return msgspec.structs.replace(
        journal.start_entry(what, (scope.stage.name, scope.group), asked, reason), fresh=scope.fresh
    )
