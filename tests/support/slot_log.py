"""`system.slots` in memory: workers that append to it and read it with a delay, and that a test may kill or freeze."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.limits.job_quotas import JobQuotas
from headrace.streams.limits.live_workers import LiveWorkers
from headrace.streams.limits.queued_slots import Claimant, QueuedSlots
from headrace.streams.limits.slot_queue import SlotQueue
from headrace.streams.limits.slot_records import from_record
from headrace.streams.limits.slot_view import SlotView

EPOCH = datetime(2026, 3, 14, tzinfo=UTC)
SESSION_SECONDS = 12.0
QUOTA = 5
QUOTAS = JobQuotas({"rekognition": QUOTA}, {"labels": "rekognition", "faces": "rekognition"})


def clock() -> datetime:
    """Return the time of the event loop; its start outside of one."""
    try:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())
    except RuntimeError:
        return EPOCH


class MemorySlotLog:
    """The records, in order, and the workers that read them."""

    def __init__(self) -> None:
        self.records: list[ConsumerRecord] = []
        self.readers: list[SlotWorker] = []

    def write(self, record: ProducerRecord) -> int:
        """Append a record; return its offset."""
        offset = len(self.records)
        at = clock().timestamp()
        self.records.append(ConsumerRecord(record.topic, 0, offset, at, record.key, record.value, record.headers))
        for reader in self.readers:
            reader.read_soon()
        return offset


class SlotWorker:
    """One worker on the log. Its appends and reads take a random time of up to `latency` seconds."""

    def __init__(self, log: MemorySlotLog, name: str, quotas: JobQuotas = QUOTAS, latency: float = 0.02) -> None:
        self._log = log
        self._draw = random.Random(name)
        self._latency = latency
        self._position = 0
        self.name = name
        self.dead = False
        self.frozen_until = 0.0
        workers = LiveWorkers(name, SESSION_SECONDS)
        self.view = SlotView(SlotQueue(quotas), workers, clock, lambda: asyncio.get_running_loop().time())
        self.slots = QueuedSlots(self.view, self, Claimant(name, workers.interval, 32, clock, self._draw))
        log.readers.append(self)

    async def append(self, record: ProducerRecord) -> int:
        """Append a record after a while. A dead worker appends nothing: its tasks end."""
        await self._pass()
        offset = self._log.write(record)
        await self._pass()
        return offset

    def kill(self) -> None:
        """Stop to append and read at once."""
        self.dead = True
        self._log.readers.remove(self)

    def read_soon(self) -> None:
        """Read up to the end of the log, after a while."""
        asyncio.get_running_loop().call_later(self._delay(), self._read)

    def _read(self) -> None:
        if asyncio.get_running_loop().time() < self.frozen_until:
            self.read_soon()
            return
        for record in self._log.records[self._position :]:
            self.view.take(record)
        self._position = len(self._log.records)

    def _delay(self) -> float:
        frozen = max(0.0, self.frozen_until - asyncio.get_running_loop().time())
        return frozen + self._draw.uniform(0, self._latency)

    async def _pass(self) -> None:
        await asyncio.sleep(self._delay())
        if self.dead:
            raise asyncio.CancelledError


def compacted(records: Iterable[ConsumerRecord]) -> list[ConsumerRecord]:
    """Return the newest record of each key, without tombstones, in the order of their offsets."""
    newest = {record.key: record for record in records}
    return sorted((each for each in newest.values() if each.value is not None), key=lambda each: each.offset)


def folded(records: Iterable[ConsumerRecord], quotas: JobQuotas = QUOTAS) -> SlotQueue:
    """Return the queue of these records."""
    queue = SlotQueue(quotas)
    for record in records:
        parsed = from_record(record)
        if parsed is not None:
            queue.apply(*parsed, record.offset, EPOCH)
    return queue
