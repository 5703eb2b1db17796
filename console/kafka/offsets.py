"""Where records lie and how far groups are, in numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

TopicAndPartition = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The offsets that a partition holds: from `low`, up to but not including `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """The next offset that a group has committed, and the note that was committed with it."""

    offset: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group: how many members it has, and the next offset of each partition that it has committed."""

    members: int
    committed: dict[TopicAndPartition, int]
