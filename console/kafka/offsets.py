"""Partitions, offset ranges and the offsets of consumer groups. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

TopicAndPartition = tuple[str, int]
"""A topic and one of its partitions."""
Position = tuple[str, int, int]
"""The topic, partition and offset of a record."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The offsets of a partition: from `low`, up to but not including `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """The committed offset of a group, and its metadata."""

    offset: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group: its number of members, and its committed offset on each partition with the metadata."""

    members: int
    committed: dict[TopicAndPartition, int]
    metadata: dict[TopicAndPartition, str] = field(default_factory=dict)
