"""The plans of a rewind and of its undoing, and their execution."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.replay import audit, journal
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.forecast.render import LABELS
from headrace.console.replay.rewind import moves, targets
from headrace.console.replay.rewind import rewind as rewinding
from headrace.console.replay.rewind.moves import RewindScope
from headrace.console.replay.rewind.rewind import RewindPlan
from headrace.console.web.pages.replays.forms import integer, stage_named
from headrace.console.web.request import ConsoleRequest, FormData

SAMPLE = 2_000
"""Records that the forecast examines."""


def show(request: ConsoleRequest) -> Response:
    """Show the form, and with a stage and a target the plan. Changes nothing."""
    stage, to = request.query.get("stage", ""), request.query.get("to", "").strip()
    plan = _plan(request, request.query) if stage and to else None
    values = {name: request.query.get(name, "") for name in ("stage", "to", "topic", "partition")}
    topics = [topic.name for topic in stage_named(request, stage).inputs] if stage else []
    return request.render(
        "rewind.html",
        form=values,
        plan=plan,
        effects=effects(plan),
        moves=reviewed_moves(plan) if plan else "",
        topics=topics,
        stages=[each.name for each in request.services.stages()],
    )


def execute(request: ConsoleRequest) -> Response:
    """Execute a rewind, if its offsets are those that were reviewed."""
    plan = _plan(request, request.form)
    entry = _entry(request, "rewind", plan, plan.target)
    return _execute(request, plan, entry)


def show_undo(request: ConsoleRequest) -> Response:
    """Show what undoing a replay would do. Changes nothing."""
    plan, done = _undo(request, request.query.get("id", ""))
    return request.render("undo.html", plan=plan, done=done, effects=effects(plan), moves=reviewed_moves(plan))


def undo(request: ConsoleRequest) -> Response:
    """Restore the offsets from before a replay."""
    plan, done = _undo(request, request.form.get("id", ""))
    return _execute(request, plan, _entry(request, "undo", plan, done.id))


def effects(plan: RewindPlan | None) -> list[tuple[str, float]]:
    """Return what the stage would do with the replayed records, with numbers."""
    forecast = plan.forecast if plan else None
    if forecast is None:
        return []
    return [(text, forecast.of_all(forecast.counts[kind])) for kind, text in LABELS.items() if kind in forecast.counts]


def _execute(request: ConsoleRequest, plan: RewindPlan, entry: AuditEntry) -> Response:
    reviewed = request.form.get("moves", "")
    if reviewed != reviewed_moves(plan):
        raise CommandError("the offsets changed after the plan was made: nothing changed. Review the plan again")
    done = rewinding.execute(request.services.cluster(), plan, entry)
    return request.redirect(f"/replays/one?id={done.id}", notice="done, and verified")


def reviewed_moves(plan: RewindPlan) -> str:
    """Return the offsets that a plan sets, to compare a reviewed plan with the current one."""
    return " ".join(f"{move.topic}/{move.partition}:{move.before}:{move.to}" for move in plan.moves)


def _plan(request: ConsoleRequest, parameters: FormData) -> RewindPlan:
    target = targets.parse(parameters.get("to", "").strip(), request.services.now())
    names = [topic for topic in parameters.getlist("topic") if topic]
    partition = integer(parameters, "partition", None)
    scope = moves.scope_of(stage_named(request, parameters.get("stage", "")), names, partition)
    return rewinding.plan_rewind(request.services.cluster(), scope, target, SAMPLE)


def _undo(request: ConsoleRequest, id_: str) -> tuple[RewindPlan, AuditEntry]:
    cluster = request.services.cluster()
    done = audit.find(journal.read_entries(cluster), id_)
    if not done.shifts:
        raise CommandError(f"{done.id} moved no offsets: only a rewind can be undone")
    names = tuple(sorted({shift.topic for shift in done.shifts}))
    scope = RewindScope(stage_named(request, done.stage), done.group, names, restore_epoch=done.reprocess)
    return rewinding.plan_undo(cluster, scope, done), done


def _entry(request: ConsoleRequest, kind: audit.ReplayKind, plan: RewindPlan, what: str) -> AuditEntry:
    target = journal.StageGroup(plan.scope.stage.name, plan.scope.group)
    entry = journal.start_entry(kind, target, what, request.form.get("reason", ""))
    return msgspec.structs.replace(entry, reprocess=plan.scope.reprocess)
