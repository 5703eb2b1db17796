"""Moves a stage's consumer group: plan, then execute. What was there is on the log before anything is changed."""

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
    """What a rewind will do. `members` are at work in the group, and have to stop first."""

    scope: RewindScope
    target: str
    moves: tuple[OffsetChange, ...]
    members: tuple[str, ...] = ()
    outlook: ForecastSummary | None = None


def plan_rewind(cluster: KafkaAdmin, scope: RewindScope, target: RewindTarget, look: int = 0) -> RewindPlan:
    """Say what it takes to move a group to a target, looking at the results of about `look` records.

    Raises `Refused` where the target lies outside of what the log holds.
    """
    spans, offsets = plan_for_target(cluster, scope, target)
    moves = _moves(cluster.positions(scope.group, offsets), spans, offsets)
    return _plan(cluster, RewindPlan(scope, str(target), moves), look)


def plan_for_target(
    cluster: KafkaAdmin, scope: RewindScope, target: RewindTarget
) -> tuple[dict[TopicAndPartition, OffsetRange], dict[TopicAndPartition, int]]:
    """Say what the partitions that are meant hold, and which offset of each a target means.

    Raises `Refused` where that lies outside of what the log holds, or could be any of several.
    """
    spans = cluster.spans(scope.topics)
    spans = {place: spans[place] for place in places(scope, spans)}
    if target.kind == "offset" and len(spans) > 1:
        raise CommandError(
            f"each of {len(spans)} partitions has its own offsets: say which with --topic and --partition"
        )
    return spans, targets.offsets(target, _held(cluster, spans, target))


def plan_undo(cluster: KafkaAdmin, scope: RewindScope, action: AuditEntry, look: int = 0) -> RewindPlan:
    """Say what it takes to put a group back to where it was before an action. Raises `Refused` where that is gone."""
    spans = cluster.spans(scope.topics)
    back = {(each.topic, each.partition): each.low if each.before is None else each.before for each in action.shifts}
    for place, offset in back.items():
        targets.offsets(RewindTarget("offset", offset), {place: PartitionRange(spans.get(place, OffsetRange(0, 0)))})
    moves = _moves(cluster.positions(scope.group, back), spans, back)
    return _plan(cluster, RewindPlan(scope, f"before {action.id}", moves), look)


def execute(cluster: KafkaAdmin, planned: RewindPlan, action: AuditEntry) -> AuditEntry:
    """Carry a plan out, read back where the group is now, and tell how it ended.

    Raises `Refused` when somebody is in the group, or when not all of it is where it was put.
    """
    refuse_active(cluster.members(planned.scope.group), planned.scope)
    shifts = tuple(OffsetShift(move.topic, move.partition, move.before, move.to, move.low) for move in planned.moves)
    begun = replace(action, shifts=shifts)
    cluster.write([audit.message(begun)])
    wanted = {move.place: move.to for move in planned.moves}
    try:
        with _in_epoch(planned.scope):
            cluster.move(planned.scope.group, wanted)
    except Exception as error:  # whatever it was, the log says how the action ended
        cluster.write([audit.message(begun.over("failed", datetime.now(UTC), note=str(error)))])
        raise
    positions = cluster.positions(planned.scope.group, wanted)
    wrong = mismatches(wanted, {place: position.offset for place, position in positions.items()})
    ended = begun.over("failed" if wrong else "done", datetime.now(UTC), note="; ".join(wrong))
    cluster.write([audit.message(ended)])
    if wrong:
        raise CommandError(
            f"{ended.note}: somebody else has moved the group. To go back: headrace replay undo {action.id}"
        )
    return ended


@contextmanager
def _in_epoch(scope: RewindScope) -> Iterator[None]:
    """Begin the epoch that a scope asks for, if it asks for another one; take that back when the block fails."""
    change = scope.fresh - scope.stale
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
    """Raise `Refused`, saying who is in the group and what to do, unless nobody is."""
    if members:
        who = "; ".join(members)
        raise CommandError(
            f"{pluralize(len(members), 'member')} of {scope.group} at work: {who}. Stop them first: a worker ends on"
            " SIGTERM, one that was killed counts until its session is over (HEADRACE_SESSION_SECONDS)"
        )


def _held(
    cluster: KafkaAdmin, spans: Mapping[TopicAndPartition, OffsetRange], target: RewindTarget
) -> dict[TopicAndPartition, PartitionRange]:
    if target.kind != "time":
        return {place: PartitionRange(span) for place, span in spans.items()}
    found = cluster.offsets_at(spans, target.at)
    oldest = cluster.times({place: span.low for place, span in spans.items() if span.low < span.high})
    return {place: PartitionRange(span, oldest.get(place), found[place]) for place, span in spans.items()}


def _moves(
    positions: Mapping[TopicAndPartition, CommittedOffset],
    spans: Mapping[TopicAndPartition, OffsetRange],
    offsets: Mapping[TopicAndPartition, int],
) -> tuple[OffsetChange, ...]:
    found = []
    for place, to in sorted(offsets.items()):
        position, span = positions.get(place), spans[place]
        found.append(OffsetChange(*place, position.offset if position else None, to, span.low, span.high))
    return tuple(found)


def _plan(cluster: KafkaAdmin, bare: RewindPlan, look: int) -> RewindPlan:
    """Add what has to be looked up: who is at work, how old the records are, and what will become of them."""
    moves = [move for move in bare.moves if move.replayed or move.skipped]
    oldest = cluster.times({move.place: min(move.to, move.start) for move in moves})
    newest = cluster.times({move.place: max(move.to, move.start) - 1 for move in moves})
    dated = tuple(move.dated(oldest.get(move.place), newest.get(move.place)) for move in bare.moves)
    spans = {move.place: OffsetRange(move.to, move.start) for move in moves if move.replayed}
    is_stage = bare.scope.group == bare.scope.stage.group
    outlook = _outlook(cluster, bare.scope, spans, look) if look and spans and is_stage else None
    return RewindPlan(bare.scope, bare.target, dated, cluster.members(bare.scope.group), outlook)


def _outlook(
    cluster: KafkaAdmin, scope: RewindScope, spans: Mapping[TopicAndPartition, OffsetRange], limit: int
) -> ForecastSummary:
    total, book = sum(span.high - span.low for span in spans.values()), cluster.codec()
    found: list[RecordForecast] = []
    looking = bar("looking at results", min(total, limit))
    with store_lookup.create_forecaster(scope.stage, scope.fresh) as foresight, looking as advance:
        for window in windows(spans, limit):
            for batch in cluster.read(window, values=True):
                found += store_lookup.forecast_records(foresight, [open_record(record, book).event for record in batch])
                advance(len(batch))
    return summarize(found, len(found) if total <= limit else total)
