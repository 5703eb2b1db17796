"""The accounting check: every accepted record has an outcome, or is reported as waiting or lost. Pure.

    accepted = done + superseded + dead-lettered + retried + waiting + lost

A stage counts its outcomes with each committed offset. The check compares these counts with the offsets of the broker,
with the retry and dead-letter topics, and with the recorded losses. A retried record is accepted again on the retry
topic, where it waits or has an outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headrace.console.assets.losses import of_partition, remedy, unrecorded
from headrace.console.assets.stage_status import account_of
from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.schemas import topics
from headrace.streams.engine.losses import RecordsLost
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class TopicAccount:
    """The records of one input topic of a stage, since the stage began to count.

    `absent` are offsets without a record. `unaccounted` is 0 unless a record has no outcome, or two. `unrecorded`
    lost records are not on `system.losses`.
    """

    stage: str
    topic: str
    accepted: int = 0
    done: int = 0
    superseded: int = 0
    dead_lettered: int = 0
    retried: int = 0
    waiting: int = 0
    lost: int = 0
    absent: int = 0
    unaccounted: int = 0
    unrecorded: int = 0


@dataclass(frozen=True, slots=True)
class AccountReport:
    """The accounts of all stages, and what does not add up."""

    accounts: tuple[TopicAccount, ...]
    problems: tuple[str, ...]


def account_report(
    stages: Sequence[Stage],
    spans: Mapping[TopicAndPartition, OffsetRange],
    groups: Mapping[str, GroupState],
    losses: Sequence[RecordsLost],
) -> AccountReport:
    """Compare accepted records with outcomes, for each stage and each of its input topics."""
    accounts: list[TopicAccount] = []
    problems: list[str] = []
    for stage in stages:
        own = [loss for loss in losses if loss.stage == stage.name]
        found = [
            _topic_account(TopicAccount(stage.name, topic.name), spans, groups[stage.group], own)
            for topic in stage.inputs
        ]
        accounts += found
        problems += _problems(stage, found, spans)
        problems += [_describe(loss, stages) for loss in own if not loss.acknowledged_at]
    return AccountReport(tuple(accounts), tuple(problems))


def _topic_account(
    total: TopicAccount,
    spans: Mapping[TopicAndPartition, OffsetRange],
    group: GroupState,
    losses: Sequence[RecordsLost],
) -> TopicAccount:
    for place, span in spans.items():
        if place[0] == total.topic:
            total = _plus(total, _partition_account(place, span, group, of_partition(losses, place)))
    return total


def _partition_account(
    place: TopicAndPartition, span: OffsetRange, group: GroupState, losses: Sequence[RecordsLost]
) -> TopicAccount:
    account = account_of(group, place, span)
    committed = group.committed.get(place, span.low)
    deleted = max(0, span.low - committed)
    recorded = sum(loss.records for loss in losses if account.start <= loss.begin < committed)
    return TopicAccount(
        stage="",
        topic=place[0],
        accepted=max(span.high, committed) - account.start,
        done=account.done + account.shadowed,
        superseded=account.superseded,
        dead_lettered=account.dead_lettered,
        retried=account.retried,
        waiting=max(0, span.high - committed - deleted),
        lost=account.lost + deleted,
        absent=account.absent,
        unaccounted=account.unaccounted(committed) + max(0, committed - span.high),
        unrecorded=unrecorded(group, place, span, losses) + max(0, account.lost - recorded),
    )


def _plus(total: TopicAccount, more: TopicAccount) -> TopicAccount:
    numbers = [name for name in TopicAccount.__slots__ if name not in ("stage", "topic")]
    return replace(total, **{name: getattr(total, name) + getattr(more, name) for name in numbers})


def _problems(
    stage: Stage, accounts: Sequence[TopicAccount], spans: Mapping[TopicAndPartition, OffsetRange]
) -> Iterator[str]:
    for each in accounts:
        if each.unaccounted > 0:
            yield f"{stage.name}: {each.unaccounted} records of {each.topic} have no outcome"
        elif each.unaccounted:
            yield f"{stage.name}: {-each.unaccounted} records of {each.topic} have two outcomes"
        if each.unrecorded:
            yield (
                f"{stage.name}: {each.unrecorded} records of {each.topic} were deleted before it read them; a worker "
                f"records this: headrace worker {stage.name}"
            )
    yield from _missing(stage, "retried", topics.retry(stage.name).name, sum(each.retried for each in accounts), spans)
    letters = sum(each.dead_lettered for each in accounts)
    yield from _missing(stage, "dead-lettered", topics.dead_letters(stage.name).name, letters, spans)


def _describe(loss: RecordsLost, stages: Sequence[Stage]) -> str:
    return f"{loss.describe()}. To get them back: {remedy(loss, stages)}. Then: headrace audit acknowledge {loss.id}"


def _missing(
    stage: Stage, outcome: str, topic: str, counted: int, spans: Mapping[TopicAndPartition, OffsetRange]
) -> Iterable[str]:
    """Compare a count with the number of records ever written to its topic. Redeliveries may have written more."""
    written = sum(span.high for (name, _), span in spans.items() if name == topic)
    if counted > written:
        yield f"{stage.name}: {counted} records were {outcome}, but {topic} received {written}"
