"""Snapshots of the daily spending on the compacted topic `system.spending`.

A snapshot has what a worker has added up, and the offsets up to which it has read. A worker that starts reads from
there on, and not from midnight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated

import msgspec

from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import InvalidValueError, ZonedTime, parse_struct

KEY = b"spending"
MAX_BYTES = 256 * 1024

_Dollars = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Offset = Annotated[int, msgspec.Meta(ge=0)]


class OpenCharge(msgspec.Struct, frozen=True, array_like=True):
    """The estimated cost of a job in progress. `key` stands for its stage, asset and version."""

    key: str
    token: str
    usd: _Dollars
    since: ZonedTime
    until: ZonedTime


class TopicSpending(msgspec.Struct, frozen=True):
    """The US dollars of a topic on the day, and the next offset of each partition that had a record."""

    usd: _Dollars
    offsets: dict[int, _Offset]


class SpendingSnapshot(msgspec.Struct, frozen=True):
    """The spending of a day (UTC), read at the time `at`."""

    day: date
    at: ZonedTime
    topics: dict[str, TopicSpending]
    open: tuple[OpenCharge, ...]

    @property
    def offsets(self) -> Mapping[tuple[str, int], int]:
        """Return the next offset of each partition, by topic and number."""
        return {
            (name, number): offset for name, topic in self.topics.items() for number, offset in topic.offsets.items()
        }


def to_record(snapshot: SpendingSnapshot) -> ProducerRecord | None:
    """Return the record of a snapshot; None if it is too large, which takes more than 1,000 jobs in progress."""
    value = msgspec.json.encode(snapshot)
    return ProducerRecord(topics.SPENDING.name, KEY, value) if len(value) <= MAX_BYTES else None


def newest(records: Iterable[ConsumerRecord]) -> SpendingSnapshot | None:
    """Return the last valid snapshot of `system.spending`; None if there is none."""
    found = None
    for record in records:
        try:
            found = parse_struct(record.value or b"", SpendingSnapshot)
        except InvalidValueError:
            continue
    return found
