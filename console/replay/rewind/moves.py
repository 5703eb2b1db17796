"""What a rewind does to each partition: the plan, and whether it has been carried out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay.groups import redrive_group
from headrace.schemas import topics
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """One partition: where the group stands and where it will stand.

    `before` is None where the group has never committed: it would begin at `low`. `oldest` and `newest` are the times
    of the first and the last record that lie between, in seconds since 1970.
    """

    topic: str
    partition: int
    before: int | None
    to: int
    low: int
    high: int
    oldest: float | None = None
    newest: float | None = None

    @property
    def place(self) -> TopicAndPartition:
        """The partition."""
        return self.topic, self.partition

    def dated(self, oldest: float | None, newest: float | None) -> OffsetChange:
        """Add the times."""
        return replace(self, oldest=oldest, newest=newest)

    @property
    def start(self) -> int:
        """The record with which the group would go on if nothing was done."""
        return self.low if self.before is None else max(self.before, self.low)

    @property
    def replayed(self) -> int:
        """How many offsets are worked again."""
        return max(0, self.start - self.to)

    @property
    def skipped(self) -> int:
        """How many offsets that the group has not worked yet are passed over."""
        return max(0, self.to - self.start)


@dataclass(frozen=True, slots=True)
class RewindScope:
    """Which consumer group is moved, on which topics; `left` are those that it reads too and that stay as they are.

    `fresh` begins the stage's next epoch, in which no earlier result counts; `stale` goes back to the one before.
    """

    stage: Stage
    group: str
    topics: tuple[str, ...]
    left: tuple[str, ...] = ()
    partition: int | None = None
    fresh: bool = False
    stale: bool = False


def scope_of(stage: Stage, wanted: Collection[str] = (), partition: int | None = None) -> RewindScope:
    """Choose the stage's own inputs, or the topics that were named. Raises `Refused` for what it does not read.

    Completions of jobs and records that wait for another try are left where they are unless they are named. The
    stage's dead-letter topic stands for the position of its redrives, which is another group.
    """
    letters = topics.dead_letters(stage.name).name
    if set(wanted) == {letters}:
        return RewindScope(stage, redrive_group(stage.name), (letters,), (), partition)
    read = tuple(topic.name for topic in stage.inputs)
    unknown = sorted(set(wanted) - set(read))
    if unknown:
        raise CommandError(f"{stage.name} does not read {', '.join(unknown)}: it reads {', '.join((*read, letters))}")
    own = tuple(topic.name for topic in stage.reads)
    chosen = tuple(name for name in read if name in (wanted or own))
    return RewindScope(stage, stage.group, chosen, tuple(name for name in read if name not in chosen), partition)


def places(scope: RewindScope, spans: Mapping[TopicAndPartition, OffsetRange]) -> list[TopicAndPartition]:
    """Name the partitions that are meant. Raises `Refused` when there are none."""
    found = [place for place in spans if scope.partition is None or place[1] == scope.partition]
    if not found:
        which = f"partition {scope.partition} of " if scope.partition is not None else ""
        raise CommandError(f"the cluster does not have {which}{', '.join(scope.topics)}: headrace topics apply")
    return found


def mismatches(wanted: Mapping[TopicAndPartition, int], found: Mapping[TopicAndPartition, int]) -> list[str]:
    """Say which partitions are not where they were put; empty when all of them are."""
    return [
        f"{topic}/{partition} is at {found.get((topic, partition), 'no offset')} and not at {offset}"
        for (topic, partition), offset in wanted.items()
        if found.get((topic, partition)) != offset
    ]
