"""Plan more partitions for existing topics, and what must end first. Pure.

A record's partition is the hash of its key modulo the number of partitions, so a new number moves most keys to other
partitions. Records of a key keep their order only if all earlier ones are finished before, and if nothing that writes
runs meanwhile: a producer knows the old number for up to five minutes (`topic.metadata.refresh.interval.ms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.schemas.topics import Topic
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A topic that gets more partitions, with the stages that read it."""

    topic: str
    now: int
    wanted: int
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptTopic:
    """A topic that keeps another number of partitions than the wanted one."""

    topic: str
    now: int
    wanted: int
    reason: str


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """The topics to change, and those that cannot be changed. Topics with the wanted number are in neither."""

    changes: tuple[PartitionChange, ...]
    kept: tuple[KeptTopic, ...]


@dataclass(frozen=True, slots=True)
class ReadingState:
    """What groups of stages have read: their states by group name, and the offsets of the topics' partitions."""

    groups: Mapping[str, GroupState]
    spans: Mapping[TopicAndPartition, OffsetRange]


def plan_partitions(wanted: Sequence[Topic], counts: Mapping[str, int], stages: Sequence[Stage]) -> PartitionPlan:
    """Compare the wanted numbers of partitions with those of the cluster. Missing topics are left out."""
    differing = [topic for topic in wanted if topic.name in counts and counts[topic.name] != topic.partitions]
    reasons = {topic.name: _reason(topic, counts[topic.name]) for topic in differing}
    after = dict(counts) | {topic.name: topic.partitions for topic in differing if not reasons[topic.name]}
    for name, reason in _unequal(stages, after):
        if name in reasons:
            reasons[name] = reasons[name] or reason
    return PartitionPlan(
        tuple(
            PartitionChange(each.name, counts[each.name], each.partitions, _readers(each, stages))
            for each in differing
            if not reasons[each.name]
        ),
        tuple(
            KeptTopic(each.name, counts[each.name], each.partitions, reasons[each.name])
            for each in differing
            if reasons[each.name]
        ),
    )


def reading_stages(plan: PartitionPlan, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages that read a topic that gets more partitions."""
    names = {name for change in plan.changes for name in change.readers}
    return tuple(stage for stage in stages if stage.name in names)


def obstacles(stages: Sequence[Stage], state: ReadingState) -> list[str]:
    """Return a line for each stage that has unread records, waiting retries or a running worker."""
    return [line for stage in stages for line in _obstacles(stage, state)]


def arrived(before: Mapping[TopicAndPartition, OffsetRange], after: Mapping[TopicAndPartition, OffsetRange]) -> int:
    """Return how many records were written to the partitions of `before` meanwhile."""
    return sum(after[place].high - span.high for place, span in before.items() if place in after)


def _reason(topic: Topic, now: int) -> str:
    if topic.partitions < now:
        return "Kafka cannot remove partitions"
    if topic.compacted:
        return "it is compacted: the old record of a key would stay in its old partition"
    return ""


def _unequal(stages: Iterable[Stage], after: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the topics of ordered stages that would have different numbers of partitions, each with the reason."""
    for stage in stages:
        counts = {topic.name: after[topic.name] for topic in stage.copartitioned if topic.name in after}
        if len(set(counts.values())) > 1:
            numbers = ", ".join(f"{name} {count}" for name, count in counts.items())
            for name in counts:
                yield name, f"{stage.name} is ordered and needs the same number for all of its topics: {numbers}"


def _readers(topic: Topic, stages: Iterable[Stage]) -> tuple[str, ...]:
    return tuple(stage.name for stage in stages if topic.name in _names(stage.inputs))


def _names(table: Iterable[Topic]) -> set[str]:
    return {topic.name for topic in table}


def _obstacles(stage: Stage, state: ReadingState) -> Iterator[str]:
    group = state.groups[stage.group]
    unread: dict[str, int] = {}
    for (topic, number), span in state.spans.items():
        if topic in _names(stage.inputs):
            begin = max(span.low, group.committed.get((topic, number), span.low))
            unread[topic] = unread.get(topic, 0) + max(0, span.high - begin)
    for topic, count in unread.items():
        if count:
            yield f"{stage.name}: {count:,} unfinished records of {topic}"
    if group.members:
        verb = "consumer runs" if group.members == 1 else "consumers run"
        yield f"{stage.name}: stop its workers, {group.members} {verb}"
