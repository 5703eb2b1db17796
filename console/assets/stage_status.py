"""The progress of stages: finished records, lag in records and seconds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headrace.console.assets.losses import unrecorded
from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.schemas import topics
from headrace.streams.engine.account import Account, from_metadata
from headrace.streams.engine.losses import RecordsLost
from headrace.streams.stage import Stage
from headrace.streams.worker.status_reports import StageStatusReport


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage. `finished` counts records with an outcome, including `retried` and `dead_lettered`.

    `lag` is in records; `lag_seconds` is the age of the oldest record without an outcome, 0 if there is none.
    `waiting` counts records on the retry topic; they are not part of `lag`.
    `paused` has the reason of each paused worker.
    """

    stage: str
    group: str
    members: int
    lag: int
    lag_seconds: float
    waiting: int
    finished: int
    retried: int
    dead_lettered: int
    paused: tuple[str, ...] = ()
    lost: int = 0
    """Records that were deleted before the stage read them, and that no operator has acknowledged."""
    shadowed: int = 0
    """Records that the rule matched while it was a shadow rule; nothing was delivered."""


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic and its number of records."""

    topic: str
    partitions: int
    records: int


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """The whole pipeline at one time."""

    brokers: tuple[str, ...]
    stages: tuple[StageStatus, ...]
    topics: tuple[TopicStatus, ...]


@dataclass(frozen=True, slots=True)
class GroupOffsets:
    """Offsets, groups and oldest unfinished records of the cluster, reports of workers, and recorded losses."""

    spans: Mapping[TopicAndPartition, OffsetRange]
    groups: Mapping[str, GroupState]
    oldest: Mapping[TopicAndPartition, float]
    reports: Sequence[StageStatusReport] = ()
    losses: Sequence[RecordsLost] = ()


def positions(
    stage: Stage, spans: Mapping[TopicAndPartition, OffsetRange], group: GroupState
) -> dict[TopicAndPartition, int]:
    """Return the next offset of a stage's group on each input partition."""
    read = {topic.name for topic in stage.inputs}
    return {place: group.committed.get(place, span.low) for place, span in spans.items() if place[0] in read}


def unfinished(
    stage: Stage, spans: Mapping[TopicAndPartition, OffsetRange], group: GroupState
) -> dict[TopicAndPartition, int]:
    """Return the next offset of each partition with unfinished records."""
    return {place: offset for place, offset in positions(stage, spans, group).items() if offset < spans[place].high}


def stage_status(stage: Stage, offsets: GroupOffsets, now: float) -> StageStatus:
    """Sum up one stage; `now` is in seconds since 1970."""
    spans, group = offsets.spans, offsets.groups[stage.group]
    waiting = topics.retry(stage.name).name
    left = unfinished(stage, spans, group)
    behind = {place: offset for place, offset in left.items() if place[0] != waiting}
    accounts = [account_of(group, place, span) for place, span in _inputs(stage, spans)]
    ages = [now - offsets.oldest[place] for place in behind if place in offsets.oldest]
    return StageStatus(
        stage=stage.name,
        group=stage.group,
        members=group.members,
        lag=_records(behind, spans),
        lag_seconds=round(max(0.0, *ages), 1) if ages else 0.0,
        waiting=_records({place: offset for place, offset in left.items() if place[0] == waiting}, spans),
        finished=sum(each.finished for each in accounts),
        retried=_written(topics.retry(stage.name).name, spans),
        dead_lettered=_written(topics.dead_letters(stage.name).name, spans),
        paused=_paused(stage, offsets.reports) if group.members else (),
        lost=_lost(stage, offsets),
        shadowed=sum(each.shadowed for each in accounts),
    )


def account_of(group: GroupState, place: TopicAndPartition, span: OffsetRange) -> Account:
    """Return the outcomes below a committed offset. Without a count, as after a reset, records still there count."""
    committed = group.committed.get(place)
    if committed is None:
        return Account(span.low)
    account = from_metadata(group.metadata.get(place, ""))
    return account or Account(committed, before=max(0, committed - span.low))


def _lost(stage: Stage, offsets: GroupOffsets) -> int:
    """Count lost records that no operator has acknowledged."""
    losses = [loss for loss in offsets.losses if loss.stage == stage.name]
    group = offsets.groups[stage.group]
    ahead = sum(unrecorded(group, place, span, losses) for place, span in _inputs(stage, offsets.spans))
    return ahead + sum(loss.records for loss in losses if not loss.acknowledged_at)


def _inputs(
    stage: Stage, spans: Mapping[TopicAndPartition, OffsetRange]
) -> list[tuple[TopicAndPartition, OffsetRange]]:
    read = {topic.name for topic in stage.inputs}
    return [(place, span) for place, span in spans.items() if place[0] in read]


def _records(behind: Mapping[TopicAndPartition, int], spans: Mapping[TopicAndPartition, OffsetRange]) -> int:
    """Count the records from these offsets on."""
    return sum(spans[place].high - max(offset, spans[place].low) for place, offset in behind.items())


def _paused(stage: Stage, reports: Iterable[StageStatusReport]) -> tuple[str, ...]:
    """List why workers are paused. The last report of a killed worker counts while others run."""
    return tuple(
        f"{each.worker}: {each.why}" for each in reports if each.stage == stage.name and each.state == "paused"
    )


def topic_statuses(spans: Mapping[TopicAndPartition, OffsetRange]) -> tuple[TopicStatus, ...]:
    """Sum up the topics."""
    names = dict.fromkeys(topic for topic, _ in spans)
    return tuple(_topic(name, [span for (topic, _), span in spans.items() if topic == name]) for name in names)


def _topic(name: str, spans: Iterable[OffsetRange]) -> TopicStatus:
    held = [span.high - span.low for span in spans]
    return TopicStatus(name, len(held), sum(held))


def _written(topic: str, spans: Mapping[TopicAndPartition, OffsetRange]) -> int:
    """Count the records ever written to a topic, including expired ones."""
    return sum(span.high for (name, _), span in spans.items() if name == topic)
