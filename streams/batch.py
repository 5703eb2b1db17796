"""What one fetch gave, on its way from the consumer to the lanes."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.message import Received
from streams.lanes import Partition


class Batch(NamedTuple):
    """What one fetch gave of one partition; `start` is the offset from which it was fetched."""

    partition: Partition
    start: int
    records: list[Received]


def received(record: Any) -> Received:
    """Take over a record as aiokafka gives it."""
    return Received(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp / 1000,
        record.key,
        record.value,
        tuple(record.headers),
    )
