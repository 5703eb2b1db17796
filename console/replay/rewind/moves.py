"""Offset changes of a rewind, per partition: the plan and its verification. Pure."""

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
    """The committed offset of one partition before the rewind and `to` which offset it moves.

    `before` is None if the group has never committed: it would start at `low`. `oldest` and `newest` are the timestamps
    of the first and the last record in between, in seconds since 1970.
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
        """Return the change with the timestamps set."""
        return replace(self, oldest=oldest, newest=newest)

    @property
    def start(self) -> int:
        """The offset at which the group would continue without the rewind."""
        return self.low if self.before is None else max(self.before, self.low)

    @property
    def replayed(self) -> int:
        """The number of offsets that are processed again."""
        return max(0, self.start - self.to)

    @property
    def skipped(self) -> int:
        """The number of unprocessed offsets that are skipped."""
        return max(0, self.to - self.start)


@dataclass(frozen=True, slots=True)
class RewindScope:
    """The consumer group and topics to move. `unmoved` are topics that the group reads but that do not move.

    `reprocess` starts the stage's next epoch, which ignores earlier results; `restore_epoch` returns to the one before.
    """

    stage: Stage
    group: str
    topics: tuple[str, ...]
    unmoved: tuple[str, ...] = ()
    partition: int | None = None
    reprocess: bool = False
    restore_epoch: bool = False


def scope_of(stage: Stage, names: Collection[str] = (), partition: int | None = None) -> RewindScope:
    """Return the scope for the named topics, or for the stage's own inputs if none are named.

    Job completions and waiting retries move only if they are named. The stage's dead-letter topic stands for the
    position of its redrives, which is another consumer group.

    Raises:
        CommandError: the stage does not read a named topic.
    """
    letters = topics.dead_letters(stage.name).name
    if set(names) == {letters}:
        return RewindScope(stage, redrive_group(stage.name), (letters,), (), partition)
    inputs = tuple(topic.name for topic in stage.inputs)
    unknown = sorted(set(names) - set(inputs))
    if unknown:
        raise CommandError(f"{stage.name} does not read {', '.join(unknown)}. It reads {', '.join((*inputs, letters))}")
    own = tuple(topic.name for topic in stage.reads)
    moved = tuple(name for name in inputs if name in (names or own))
    return RewindScope(stage, stage.group, moved, tuple(name for name in inputs if name not in moved), partition)


def places(scope: RewindScope, spans: Mapping[TopicAndPartition, OffsetRange]) -> list[TopicAndPartition]:
    """Return the partitions of the scope. Raises `CommandError` if the cluster has none of them."""
    partitions = [place for place in spans if scope.partition is None or place[1] == scope.partition]
    if not partitions:
        which = f"partition {scope.partition} of " if scope.partition is not None else ""
        raise CommandError(f"the cluster has no {which}{', '.join(scope.topics)}. Run: headrace topics apply")
    return partitions


def mismatches(planned: Mapping[TopicAndPartition, int], actual: Mapping[TopicAndPartition, int]) -> list[str]:
    """Describe each partition whose actual offset differs from the planned one."""
    return [
        f"{topic}/{partition} is at {actual.get((topic, partition), 'no offset')}, expected {offset}"
        for (topic, partition), offset in planned.items()
        if actual.get((topic, partition)) != offset
    ]
