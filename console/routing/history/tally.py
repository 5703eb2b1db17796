"""The counts of a comparison of rules, and the file from which an interrupted one continues."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.engine.account import Count

MOST_EXAMPLES = 3
"""Records that are kept of each count, the newest."""


class Tally(msgspec.Struct):
    """A number of records, and the newest of them."""

    count: Count = 0
    examples: list[ConsumerRecord] = []

    def add(self, records: Sequence[ConsumerRecord]) -> None:
        """Add records in their order on the log."""
        self.count += len(records)
        self.examples = [*self.examples, *records[-MOST_EXAMPLES:]][-MOST_EXAMPLES:]


class TopicProgress(msgspec.Struct):
    """The records of a topic that were read, of those that cannot be decoded, and the reason of the last of these."""

    read: Count = 0
    undecodable: Tally = msgspec.field(default_factory=Tally)
    reason: str = ""


class Unread(msgspec.Struct, frozen=True):
    """The offsets of a partition that are not compared yet."""

    topic: str
    partition: Count
    low: Count
    high: Count


class Comparison(msgspec.Struct):
    """The state of a comparison. `request` identifies the rules and the range; `since` is in seconds since 1970.

    `rules` has the tallies of each pair of rules: `gained`, `lost`, `kept`, `changed`, and `near:PATH` for records that
    miss the candidate by the clause of one path.
    """

    request: str
    since: float
    unread: list[Unread]
    rules: list[dict[str, Tally]]
    topics: dict[str, TopicProgress]

    @property
    def spans(self) -> dict[TopicAndPartition, OffsetRange]:
        """The offsets that are not compared yet."""
        return {(each.topic, each.partition): OffsetRange(each.low, each.high) for each in self.unread}

    @property
    def read(self) -> int:
        """The number of records that were read."""
        return sum(each.read for each in self.topics.values())

    def advance(self, place: TopicAndPartition, offset: int) -> None:
        """Note that the records of a partition are compared up to, but not including, an offset."""
        self.unread = [
            Unread(each.topic, each.partition, max(each.low, offset), each.high)
            if (each.topic, each.partition) == place
            else each
            for each in self.unread
        ]


def load(path: Path, request: str) -> Comparison | None:
    """Read the state of an interrupted comparison; None if there is none of this request."""
    try:
        found = parse_struct(path.read_bytes(), Comparison)
    except (OSError, InvalidValueError):
        return None
    return found if found.request == request else None


def save(path: Path, comparison: Comparison) -> None:
    """Write the state. The file is always complete, and readable by its owner only: it has records of the log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}")
    new.touch(0o600)
    new.write_bytes(msgspec.json.encode(comparison))
    new.replace(path)
