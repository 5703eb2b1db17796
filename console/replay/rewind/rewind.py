"""Move the offsets of a stage's consumer group: plan, then execute. The old offsets are in the audit log first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.entry import open_record
from headrace.console.kafka.offsets import CommittedOffset, OffsetRange, TopicAndPartition
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry, OffsetShift
from headrace.console.replay.forecast import store_lookup
from headrace.console.replay.forecast.effects import RecordForecast
from headrace.console.replay.forecast.summary import ForecastSummary, summarize, windows
from headrace.console.replay.rewind import targets
from headrace.console.replay.rewind.moves import OffsetChange, RewindScope, mismatches, places
from headrace.console.replay.rewind.targets import PartitionRange, RewindTarget
from headrace.console.terminal.formatting import pluralize
from headrace.console.terminal.progress_bar import bar


@dataclass(frozen=True, slots=True)
class RewindPlan:
    """The plan of a rewind. `members` are active members of the group; they must stop before it is executed."""

    scope: RewindScope
    target: str
    moves: tuple[OffsetChange, ...]
    members: tuple[str, ...] = ()
    forecast: ForecastSummary | None = None


def plan_rewind(cluster: KafkaAdmin, scope: RewindScope, target: RewindTarget, sample: int = 0) -> RewindPlan:
    """Plan a move to a target, with a forecast from about `sample` records.

    Raises:
        CommandError: the target is not available in a partition.
    """
    spans, offsets = plan_for_target(cluster, scope, target)
    moves = _moves(cluster.positions(scope.group, offsets), spans, offsets)
    return _complete(cluster, RewindPlan(scope, str(target), moves), sample)


def plan_for_target(
    cluster: KafkaAdmin, scope: RewindScope, target: RewindTarget
) -> tuple[dict[TopicAndPartition, OffsetRange], dict[TopicAndPartition, int]]:
    """Return the available offsets of each partition in scope, and the offset of the target in each.

    Raises:
        CommandError: the target is not available, or is an offset and the scope has several partitions.
    """
    spans = cluster.spans(scope.topics)
    spans = {place: spans[place] for place in places(scope, spans)}
    if target.kind == "offset" and len(spans) > 1:
        raise CommandError(
            f"--to with an offset needs one partition, not {len(spans)}: choose it with --topic and --partition"
        )
    return spans, targets.offsets(target, _ranges(cluster, spans, target))


def plan_undo(cluster: KafkaAdmin, scope: RewindScope, action: AuditEntry, sample: int = 0) -> RewindPlan:
    """Plan to restore the offsets from before a replay. Raises `CommandError` if they have expired."""
    spans = cluster.spans(scope.topics)
    back = {(each.topic, each.partition): each.low if each.before is None else each.before for each in action.shifts}
    for place, offset in back.items():
        targets.offsets(RewindTarget("offset", offset), {place: PartitionRange(spans.get(place, OffsetRange(0, 0)))})
    moves = _moves(cluster.positions(scope.group, back), spans, back)
    return _complete(cluster, RewindPlan(scope, f"before {action.id}", moves), sample)


def execute(cluster: KafkaAdmin, plan: RewindPlan, action: AuditEntry) -> AuditEntry:
    """Execute a plan, read the committed offsets back, and return the final audit entry.

    Raises:
        CommandError: the group has active members, or its offsets do not match the plan afterwards.
    """
    refuse_active(cluster.members(plan.scope.group), plan.scope)
    shifts = tuple(OffsetShift(move.topic, move.partition, move.before, move.to, move.low) for move in plan.moves)
    begun = replace(action, shifts=shifts)
    cluster.write([audit.message(begun)])
    planned = {move.place: move.to for move in plan.moves}
    try:
        with _in_epoch(plan.scope):
            cluster.move(plan.scope.group, planned)
    except Exception as error:  # the audit log records every failure
        cluster.write([audit.message(begun.over("failed", datetime.now(UTC), note=str(error)))])
        raise
    positions = cluster.positions(plan.scope.group, planned)
    errors = mismatches(planned, {place: position.offset for place, position in positions.items()})
    ended = begun.over("failed" if errors else "done", datetime.now(UTC), note="; ".join(errors))
    cluster.write([audit.message(ended)])
    if errors:
        raise CommandError(
            f"{ended.note}: another client has moved the group. To restore: headrace replay undo {action.id}"
        )
    return ended


@contextmanager
def _in_epoch(scope: RewindScope) -> Iterator[None]:
    """Change the stage's epoch as the scope demands; revert the change if the block fails."""
    change = scope.reprocess - scope.restore_epoch
    if not change:
        yield
        return
    store_lookup.begin_epoch(scope.stage, change)
    try:
        yield
    except Exception:
        store_lookup.begin_epoch(scope.stage, -change)
        raise


def refuse_active(members: tuple[str, ...], scope: RewindScope) -> None:
    """Raise `CommandError` if the group has active members."""
    if members:
        raise CommandError(
            f"{pluralize(len(members), 'active member')} in {scope.group}: {'; '.join(members)}."
            " Stop the workers first: SIGTERM ends a worker; a killed one stays until its session"
            " expires (HEADRACE_SESSION_SECONDS)"
        )


def _ranges(
    cluster: KafkaAdmin, spans: Mapping[TopicAndPartition, OffsetRange], target: RewindTarget
) -> dict[TopicAndPartition, PartitionRange]:
    if target.kind != "time":
        return {place: PartitionRange(span) for place, span in spans.items()}
    offsets = cluster.offsets_at(spans, target.at)
    oldest = cluster.times({place: span.low for place, span in spans.items() if span.low < span.high})
    return {place: PartitionRange(span, oldest.get(place), offsets[place]) for place, span in spans.items()}


def _moves(
    positions: Mapping[TopicAndPartition, CommittedOffset],
    spans: Mapping[TopicAndPartition, OffsetRange],
    offsets: Mapping[TopicAndPartition, int],
) -> tuple[OffsetChange, ...]:
    moves = []
    for place, to in sorted(offsets.items()):
        position, span = positions.get(place), spans[place]
        moves.append(OffsetChange(*place, position.offset if position else None, to, span.low, span.high))
    return tuple(moves)


def _complete(cluster: KafkaAdmin, bare: RewindPlan, sample: int) -> RewindPlan:
    """Add the active members, the timestamps of the records, and the forecast."""
    moves = [move for move in bare.moves if move.replayed or move.skipped]
    oldest = cluster.times({move.place: min(move.to, move.start) for move in moves})
    newest = cluster.times({move.place: max(move.to, move.start) - 1 for move in moves})
    dated = tuple(move.dated(oldest.get(move.place), newest.get(move.place)) for move in bare.moves)
    spans = {move.place: OffsetRange(move.to, move.start) for move in moves if move.replayed}
    is_stage = bare.scope.group == bare.scope.stage.group
    forecast = _forecast(cluster, bare.scope, spans, sample) if sample and spans and is_stage else None
    return RewindPlan(bare.scope, bare.target, dated, cluster.members(bare.scope.group), forecast)


def _forecast(
    cluster: KafkaAdmin, scope: RewindScope, spans: Mapping[TopicAndPartition, OffsetRange], limit: int
) -> ForecastSummary:
    total, codec = sum(span.high - span.low for span in spans.values()), cluster.codec()
    forecasts: list[RecordForecast] = []
    progress = bar("forecasting", min(total, limit))
    with store_lookup.create_forecaster(scope.stage, scope.reprocess) as forecaster, progress as advance:
        for window in windows(spans, limit):
            for batch in cluster.read(window, values=True):
                events = [open_record(record, codec).event for record in batch]
                forecasts += store_lookup.forecast_records(forecaster, events)
                advance(len(batch))
    return summarize(forecasts, len(forecasts) if total <= limit else total)
