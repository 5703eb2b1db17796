"""Read-only figures of a scheduler, for metrics and shares of rate limits. Safe to read from any thread."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from headrace.streams.engine.headers import RETRY_TOPIC
from headrace.streams.engine.partition import PartitionState, TopicPartition, WorkerSlot


class SchedulerStats:
    """The figures of one scheduler."""

    def __init__(self, partitions: Mapping[TopicPartition, PartitionState], slots: Sequence[WorkerSlot]) -> None:
        self._partitions = partitions
        self._slots = slots
        self.last_poll = time.monotonic()
        """When the consumer last polled, by the monotonic clock."""
        self.pending_retries = 0
        """Delivered records that are not due yet."""

    def in_flight_records(self) -> int:
        """Return the number of running records."""
        return sum(partition.running for partition in list(self._partitions.values()))

    def uncommitted_records(self) -> int:
        """Return the number of delivered records without a durable outcome, pending retries included."""
        return sum(partition.tracker.unfinished for partition in list(self._partitions.values()))

    def oldest_in_flight_seconds(self) -> float:
        """Return the seconds since the longest-running record started; 0 when none runs."""
        started = [slot.since for slot in self._slots if slot.entry is not None]
        return time.monotonic() - min(started) if started else 0.0

    def owned_partitions(self, topic: str) -> int:
        """Return the number of assigned partitions of a topic."""
        return sum(name == topic for name, _ in list(self._partitions))

    def uncommitted_offsets(self) -> int:
        """Return the number of offsets between the committable and the delivered position."""
        trackers = [partition.tracker for partition in list(self._partitions.values())]
        return sum(tracker.position - tracker.committable() for tracker in trackers)

    def lag_seconds(self) -> float:
        """Return the age of the oldest record without an outcome, retries excluded; 0 when there is none."""
        inputs = [state for (topic, _), state in list(self._partitions.items()) if not topic.endswith(RETRY_TOPIC)]
        times = [state.tracker.oldest_time() for state in inputs]
        known = [timestamp for timestamp in times if timestamp is not None]
        return max(0.0, time.time() - min(known)) if known else 0.0
