"""The state of the scheduler: partitions, queued records and worker slots."""

from __future__ import annotations

import asyncio
from collections import deque

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.account import Account
from headrace.streams.engine.offset_tracker import OffsetTracker

TopicPartition = tuple[str, int]

RECORD_OVERHEAD = 1900
"""Bytes of a queued record beyond its key and value: headers and a queue of its own (CPython 3.11)."""


class PartitionState:
    """One assignment of one partition: its offset tracker and its queued records.

    No record of a `leaving` partition is started. Outcomes of a partition that is not `live` do not count.
    """

    __slots__ = ("buffered", "end", "leaving", "live", "ready", "running", "tracker")

    def __init__(self, position: int, end: int, account: Account | None = None) -> None:
        self.tracker = OffsetTracker(position, account)
        self.end = end
        """The end offset of the partition when it was assigned."""
        self.live = True
        self.leaving = False
        self.buffered = 0
        self.running = 0
        self.ready: deque[KeyQueue] = deque()


QueuedRecord = tuple[PartitionState, ConsumerRecord, int]
"""A queued record: its assignment, the record, and its size in the buffer in bytes."""
KeyQueue = deque[QueuedRecord]


class WorkerSlot:
    """One worker: its record, when that started, and why it was cancelled."""

    __slots__ = ("cancel_reason", "entry", "since", "task")

    def __init__(self) -> None:
        self.entry: QueuedRecord | None = None
        self.since = 0.0
        self.cancel_reason = ""
        self.task: asyncio.Task[None] | None = None

    def cancel(self, reason: str) -> None:
        """Cancel the running record. The worker goes on."""
        if self.task is not None and not self.cancel_reason:
            self.cancel_reason = reason
            self.task.cancel()


def scheduling_key(record: ConsumerRecord) -> object:
    """Return the key that orders a record. A record without a key is ordered behind no other."""
    return record.key if record.key is not None else (record.topic, record.partition, record.offset)


def buffered_size(record: ConsumerRecord) -> int:
    """Return the bytes that a queued record occupies."""
    return RECORD_OVERHEAD + len(record.value or b"") + len(record.key or b"")
