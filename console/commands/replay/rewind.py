"""`headrace replay`: move a stage's consumer group on its topics, and send dead letters back to their stage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headrace.console.commands.replay.common import (
    DRY_RUN,
    ExecuteOption,
    ReasonOption,
    ReplayId,
    ReplayJsonOption,
    ReplayRunOptions,
    connect,
    print_action,
    screen,
    stage_of,
)
from headrace.console.commands.replay.control import pause, resume, stop, watch
from headrace.console.commands.replay.redrive import redrive
from headrace.console.commands.replay.trial import diff, discard
from headrace.console.commands.view_source import FromLogOption, open_views
from headrace.console.errors import CommandError
from headrace.console.terminal.output import confirm_or_abort, print_json, print_line

if TYPE_CHECKING:
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.replay.audit import AuditEntry, ReplayKind
    from headrace.console.replay.rewind.moves import RewindScope
    from headrace.console.replay.rewind.rewind import RewindPlan
    from headrace.console.replay.rewind.targets import RewindTarget

app = typer.Typer(
    no_args_is_help=True,
    help="Reprocess records and dead letters. Stored results are reused, so AI services are not billed again.",
)
for command in (redrive, diff, discard, watch, pause, resume, stop):
    app.command()(command)


@app.command()
def rewind(
    stage: Annotated[str, typer.Argument(metavar="STAGE", show_default=False)],
    to: Annotated[str, typer.Option(help="earliest, latest, an offset, 2026-03-14T15:09, or -2h.", show_default=False)],
    topic: Annotated[list[str] | None, typer.Option(help="Only this input topic; repeatable.")] = None,
    partition: Annotated[int | None, typer.Option(help="Only this partition.")] = None,
    sample: Annotated[int, typer.Option(min=0, help="Records to sample for the forecast; 0 for no forecast.")] = 2000,
    shadow: Annotated[
        str,
        typer.Option(metavar="NAME", help="Run as a shadow under NAME; compare with `headrace replay diff`."),
    ] = "",
    reprocess: Annotated[
        bool, typer.Option("--reprocess", help="Ignore stored results and call the AI services again (billed).")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation of --reprocess.")] = False,
    execute: ExecuteOption = False,
    reason: ReasonOption = "",
    as_json: ReplayJsonOption = False,
) -> None:
    """Move a stage's consumer group to another offset. Stop the stage's workers first.

    By default only the stage's own inputs move; job completions and waiting retries need --topic. The stage's
    dead-letter topic stands for the position of its redrives. --shadow moves nothing: the installed stage processes
    its inputs into topics of their own, without a billed call.
    """
    import time

    from headrace.console.replay.rewind import moves, targets
    from headrace.console.replay.rewind import rewind as rewinding

    target = targets.parse(to, time.time())
    scope = moves.scope_of(stage_of(stage), topic or (), partition)
    cluster = connect()
    if reprocess:
        _check_reprocess(scope, shadow, sample)
    run = ReplayRunOptions(execute, reason, as_json)
    if shadow:
        _run_shadow(cluster, shadow, scope, target, run)
        return
    plan = rewinding.plan_rewind(cluster, replace(scope, reprocess=reprocess), target, sample)
    confirm = reprocess and execute and not yes
    if confirm:
        _require_terminal(as_json)
    request = f"{target}, reprocess" if reprocess else str(target)
    entry = _entry("rewind", plan.scope, request, reason) if execute else None
    _carry_out(cluster, plan, entry, as_json, confirm)


@app.command()
def undo(
    id_: ReplayId, execute: ExecuteOption = False, reason: ReasonOption = "", as_json: ReplayJsonOption = False
) -> None:
    """Restore the offsets that a consumer group had before a rewind."""
    from headrace.console.replay import audit, journal
    from headrace.console.replay.rewind import moves
    from headrace.console.replay.rewind import rewind as rewinding

    cluster = connect()
    done = audit.find(journal.read_entries(cluster), id_)
    if not done.shifts:
        raise CommandError(
            f"{done.id} moved no offsets: only a rewind can be undone. See: headrace replay show {done.id}"
        )
    topics = tuple(sorted({shift.topic for shift in done.shifts}))
    scope = moves.RewindScope(stage_of(done.stage), done.group, topics, restore_epoch=done.reprocess)
    plan = rewinding.plan_undo(cluster, scope, done)
    _carry_out(cluster, plan, _entry("undo", scope, done.id, reason) if execute else None, as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="Number of replays to list, newest last.")] = 20,
    from_log: FromLogOption = False,
    as_json: ReplayJsonOption = False,
) -> None:
    """List replays: operator, time, request and reason."""
    from headrace.console.replay import journal, render

    views = open_views(from_log)
    if views is not None:
        from headrace.console.views.queries.operations import audit_entries

        with views.connect() as connection:
            known = audit_entries(connection)
    else:
        known = journal.read_entries(connect())
    entries = list(known.values())[-limit:]
    if as_json:
        print_json([render.action(each) for each in entries])
    else:
        render.print_actions(entries, screen())


@app.command("show")
def show_(id_: ReplayId, as_json: ReplayJsonOption = False) -> None:
    """Show one replay: the offsets it changed, or the outcomes of the dead letters it sent."""
    from headrace.console.replay import audit, journal
    from headrace.console.replay.redrive import watch as redrive_watch

    cluster = connect()
    action = audit.find(journal.read_entries(cluster), id_)
    is_redrive = action.kind == "redrive"
    outcomes = redrive_watch.since(cluster, stage_of(action.stage), action).look() if is_redrive else None
    print_action(action, outcomes, as_json)


def _carry_out(
    cluster: KafkaAdmin, plan: RewindPlan, entry: AuditEntry | None, as_json: bool, confirm: bool = False
) -> None:
    """Print the plan; with an audit entry, execute it, after a confirmation if `confirm`."""
    from headrace.console.replay.rewind import render
    from headrace.console.replay.rewind import rewind as rewinding

    if not as_json:
        render.print_rewind(plan, screen())
    if confirm:
        confirm_or_abort("Earlier results of this stage will be ignored. Pay for new ones?")
    done = rewinding.execute(cluster, plan, entry) if entry else None
    if as_json:
        print_json({"id": done and done.id, "executed": done is not None, **render.rewind(plan)})
    elif done:
        print_line(f"{done.id}: done and verified. To undo: headrace replay undo {done.id} --execute")
    else:
        busy = f" Stop these workers first: {'; '.join(plan.members)}." if plan.members else ""
        print_line(f"{DRY_RUN}{busy}")


def _run_shadow(
    cluster: KafkaAdmin, name: str, scope: RewindScope, target: RewindTarget, run: ReplayRunOptions
) -> None:
    """Print the plan of a shadow run; with `execute`, run it and print the comparison."""
    from headrace.console.replay import journal
    from headrace.console.replay.trial import render as trial_render
    from headrace.console.replay.trial import trial

    shadow = trial.trial_of(name, scope.stage)
    plan = trial.plan_trial(cluster, shadow, scope, target, journal.read_entries(cluster).values())
    if not run.as_json:
        trial_render.print_trial(plan, screen())
    if not run.execute:
        document = {"executed": False, **trial_render.trial(plan)}
        if run.as_json:
            print_json(document)
        else:
            print_line(DRY_RUN)
        return
    entry = journal.start_entry("trial", journal.StageGroup(shadow.stage.name, shadow.group), plan.target, run.reason)
    trial.execute(cluster, plan, entry)
    diffs = list(trial.compared(cluster, name).values())
    if run.as_json:
        document = {"id": entry.id, "executed": True, **trial_render.trial(plan), "diff": trial_render.diff(diffs)}
        print_json(document)
    else:
        print_line(f"{entry.id}: done. For details: headrace replay diff {name}")
        trial_render.print_diff(diffs, 0, screen())


def _check_reprocess(scope: RewindScope, shadow: str, sample: int) -> None:
    """Raise `CommandError` if --reprocess does not fit the other options."""
    if shadow or scope.group != scope.stage.group:
        raise CommandError("--reprocess needs the stage's own inputs: it excludes --shadow and the dead-letter topic")
    if not sample:
        raise CommandError("--reprocess needs a cost forecast: omit --sample 0")


def _require_terminal(as_json: bool) -> None:
    """Raise `CommandError` if the confirmation prompt cannot be shown."""
    import sys

    if as_json or not sys.stdin.isatty():
        raise CommandError("--reprocess is billed and needs a confirmation: without a terminal, add --yes")


def _entry(kind: ReplayKind, scope: RewindScope, request: str, reason: str) -> AuditEntry:
    from headrace.console.replay import journal

    entry = journal.start_entry(kind, journal.StageGroup(scope.stage.name, scope.group), request, reason)
    return msgspec.structs.replace(entry, reprocess=scope.reprocess)
