"""Keyed lanes: many records in work at once, strict order per key, no key in another's way.

Records of one key wait in one lane, behind each other. Workers take the head of the next lane that is ready, turn by
turn between the partitions. A finished worker pulls its next record itself, so slots are never idle while work waits.
A record that is not due yet waits in its partition's mark, holding no slot. In a stage that is `ordered` it holds its
lane: nothing of its key runs before it has ended.
Source: Confluent's parallel-consumer describes the idea; the bounds and the marks here are our own.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from operator import attrgetter
from typing import NamedTuple

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import RETRY_TOPIC
from headrace.streams.engine.key_locks import KeyLocks, is_retry
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.partition import (
    KeyQueue,
    PartitionState,
    QueuedRecord,
    TopicPartition,
    WorkerSlot,
    buffered_size,
    scheduling_key,
)
from headrace.streams.engine.scheduler_stats import SchedulerStats

RECORDS_PER_TURN = 500
"""After so many records the event loop gets a turn, even if none of them had to wait for anything."""

_place = attrgetter("offset", "timestamp")


class RecordHandler(NamedTuple):
    """The functions that run records. `process` and `on_deadline` return once the outcome is durable."""

    process: Callable[[ConsumerRecord], Awaitable[RecordDisposition]]
    on_deadline: Callable[[ConsumerRecord], Awaitable[RecordDisposition]]
    due: Callable[[ConsumerRecord], float]


class KeyedScheduler:
    """The lanes of one stage in one process."""

    def __init__(
        self, work: RecordHandler, in_flight: int, buffer_bytes: int, deadline_seconds: float, ordered: bool = False
    ) -> None:
        self._work = work
        self._holds = KeyLocks() if ordered else None
        self._blocked_keys: set[object] = set()
        """Keys whose lanes have work and must not begin it."""
        self._at_work: set[object] = set()
        """Keys whose lane's head is in work; kept only where lanes can be held up."""
        self._buffer_bytes = buffer_bytes
        self._deadline = deadline_seconds
        self._partitions: dict[TopicPartition, PartitionState] = {}
        self._lanes: dict[object, KeyQueue] = {}
        self._ready_partitions: deque[PartitionState] = deque()
        self._idle_workers: deque[asyncio.Future[None]] = deque()
        self._slots = [WorkerSlot() for _ in range(in_flight)]
        self._closing = False
        self.stats = SchedulerStats(self._partitions, self._slots)
        self._idle = asyncio.Event()
        self._since_turn = 0
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work."""
        for slot in self._slots:
            slot.task = asyncio.create_task(self._worker(slot))
        self._sweeper = asyncio.create_task(self._sweep())

    def failure(self) -> BaseException | None:
        """What ended a worker that should never end; None while all is well."""
        ended = (slot.task for slot in self._slots if slot.task and slot.task.done() and not slot.task.cancelled())
        return next((task.exception() for task in ended), None)

    @property
    def ordered(self) -> bool:
        """Whether a record that is tried again later holds back what comes after it of its key."""
        return self._holds is not None

    def assign(self, where: TopicPartition, position: int, end: int = 0) -> PartitionState:
        """Begin a new assignment of a partition at an offset; work of an earlier one no longer moves the new one's.

        Where lanes can be held up, a retry topic's partition is read to its present `end` before others of its number.
        """
        self._drop(where)
        partition = self._partitions[where] = PartitionState(position, end)
        return partition

    def next_offset(self, where: TopicPartition) -> int | None:
        """Return the next offset to deliver; None when the partition is not assigned."""
        partition = self._partitions.get(where)
        return partition.tracker.position if partition else None

    def assigned(self) -> list[TopicPartition]:
        """List the partitions that are assigned here."""
        return list(self._partitions)

    def committable(self, where: TopicPartition) -> int | None:
        """The offset of a partition that is safe to commit; None when the partition is not assigned here."""
        partition = self._partitions.get(where)
        return partition.tracker.committable() if partition else None

    def has_room(self, where: TopicPartition) -> bool:
        """Whether more of a partition may be fetched: each has an equal share of the buffer."""
        partition = self._partitions.get(where)
        if partition is None or self._closing or (self._holds is not None and self._must_wait(where)):
            return False
        return partition.buffered * len(self._partitions) < self._buffer_bytes

    def deliver(self, partition: PartitionState, start: int, records: list[ConsumerRecord]) -> bool:
        """Take over what was fetched from `start` on. False when something before it has not arrived: fetch again."""
        if partition.leaving or not partition.live or self._closing:
            return True
        if start != partition.tracker.position:
            return False
        partition.tracker.add(map(_place, records))
        if self._holds is not None or is_retry(records[0]):
            self._hold_or_enqueue(partition, records)
        else:
            self._enqueue_all(partition, records)
        self._wake()
        return True

    async def revoke(self, which: Iterable[TopicPartition], grace: float) -> None:
        """Give partitions back: begin nothing more of them, and wait for what runs, `grace` seconds at most."""
        leaving = [self._partitions[where] for where in which if where in self._partitions]
        for partition in leaving:
            partition.leaving = True
        await self._wait_idle(leaving, grace)
        for partition in leaving:
            partition.live = False
        for slot in self._slots:
            if slot.entry is not None and not slot.entry[0].live:
                slot.cancel("revoked")

    def forget(self, which: Iterable[TopicPartition]) -> None:
        """Drop the marks of partitions that were given back, once their offsets are committed."""
        for where in which:
            self._drop(where)

    async def drain(self, grace: float) -> None:
        """Begin nothing more and wait for what runs, `grace` seconds at most. What is left is redelivered."""
        self._closing = True
        for partition in self._partitions.values():
            partition.leaving = True
        await self._wait_idle(list(self._partitions.values()), grace)
        tasks = [slot.task for slot in self._slots if slot.task] + ([self._sweeper] if self._sweeper else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _drop(self, where: TopicPartition) -> None:
        partition = self._partitions.pop(where, None)
        if partition is not None:
            partition.leaving = True
            partition.live = False
            if self._holds is not None:
                for key in self._holds.release_assignment(partition):
                    self._unblock(key)

    def _must_wait(self, where: TopicPartition) -> bool:
        """Whether records of a partition may be held up by some that are not read yet."""
        if where[0].endswith(RETRY_TOPIC):
            return False
        behind = (each for name, each in self._partitions.items() if name[0].endswith(RETRY_TOPIC))
        return any(each.tracker.position < each.end for each in behind)

    def _enqueue_all(self, partition: PartitionState, records: list[ConsumerRecord]) -> None:
        """Do what `_enqueue` does, for a whole batch of which nothing can be held up. This is where most records go."""
        lanes, ready, nothing_was = self._lanes, partition.ready, not partition.ready
        held = 0
        for record in records:
            key, size = scheduling_key(record), buffered_size(record)
            held += size
            lane = lanes.get(key)
            if lane is None:
                lane = lanes[key] = deque(((partition, record, size),))
                ready.append(lane)
            else:
                lane.append((partition, record, size))
        partition.buffered += held
        if nothing_was and ready:
            self._ready_partitions.append(partition)

    def _hold_or_enqueue(self, partition: PartitionState, records: list[ConsumerRecord]) -> None:
        now = time.time()
        for record in records:
            entry = (partition, record, buffered_size(record))
            partition.buffered += entry[2]
            if self._holds is not None and is_retry(record):
                self._holds.add(record, partition)
            wait = self._work.due(record) - now
            if wait > 0:
                self.stats.pending_retries += 1
                asyncio.get_running_loop().call_later(wait, self._is_due, entry)
            else:
                self._enqueue(entry)

    def _is_due(self, entry: QueuedRecord) -> None:
        self.stats.pending_retries -= 1
        self._enqueue(entry)
        self._wake()

    def _enqueue(self, entry: QueuedRecord) -> None:
        key = scheduling_key(entry[1])
        lane = self._lanes.get(key)
        if self._holds is not None and key in self._holds:
            self._enqueue_held(key, entry)
        elif lane is not None:
            lane.append(entry)
        else:
            self._lanes[key] = lane = deque((entry,))
            self._make_ready(lane)

    def _enqueue_held(self, key: object, entry: QueuedRecord) -> None:
        """Put a record that comes again before all that it holds up, and any other behind."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = deque()
            self._blocked_keys.add(key)
        if not is_retry(entry[1]):
            lane.append(entry)
            return
        lane.insert(self._first_after_retries(lane, key), entry)
        self._unblock(key)

    def _first_after_retries(self, lane: KeyQueue, key: object) -> int:
        begun = int(key in self._at_work)
        return next((at for at in range(begun, len(lane)) if not is_retry(lane[at][1])), max(begun, len(lane)))

    def _unblock(self, key: object) -> None:
        """Let a lane begin that was held up, if it now may."""
        if key in self._blocked_keys and self._may_begin(key, self._lanes[key]):
            self._blocked_keys.discard(key)
            self._make_ready(self._lanes[key])
            self._wake()

    def _may_begin(self, key: object, lane: KeyQueue) -> bool:
        return self._holds is None or key not in self._holds or is_retry(lane[0][1])

    def _make_ready(self, lane: KeyQueue) -> None:
        partition = lane[0][0]
        if not partition.ready:
            self._ready_partitions.append(partition)
        partition.ready.append(lane)

    def _wake(self) -> None:
        """Wake one worker if there is work. It wakes two more if there still is, so all are up after few turns.

        To wake one for each record would wake most in vain where work never waits for anything: the first does it all.
        """
        while self._ready_partitions and self._idle_workers:
            waiter = self._idle_workers.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _worker(self, slot: WorkerSlot) -> None:
        while True:
            lane = self._next() if self._ready_partitions else await self._awaited()
            entry = lane[0]
            if self._holds is not None:
                await self._run_ordered(slot, entry)
            elif not entry[0].leaving:
                await self._run(slot, entry)
            self._finished(lane)
            self._since_turn += 1
            if self._since_turn >= RECORDS_PER_TURN:
                self._since_turn = 0
                await asyncio.sleep(0)

    async def _awaited(self) -> KeyQueue:
        while not self._ready_partitions:
            waiter = asyncio.get_running_loop().create_future()
            self._idle_workers.append(waiter)
            await waiter
        lane = self._next()
        self._wake()
        self._wake()
        return lane

    def _next(self) -> KeyQueue:
        partition = self._ready_partitions.popleft()
        lane = partition.ready.popleft()
        if partition.ready:
            self._ready_partitions.append(partition)
        return lane

    async def _run_ordered(self, slot: WorkerSlot, entry: QueuedRecord) -> None:
        assert self._holds is not None
        partition, record, _ = entry
        key = scheduling_key(record)
        self._at_work.add(key)
        try:
            disposition = RecordDisposition.DONE if partition.leaving else await self._run(slot, entry)
        finally:
            self._at_work.discard(key)
        if not partition.live:
            return  # what its assignment held was forgotten, and the new one holds for itself
        if disposition is RecordDisposition.DEFERRED:
            self._holds.add(record, partition)
        else:
            self._holds.release(record)

    async def _run(self, slot: WorkerSlot, entry: QueuedRecord) -> RecordDisposition:
        partition, record, _ = entry
        slot.entry, slot.since, slot.cancel_reason = entry, time.monotonic(), ""
        partition.running += 1
        try:
            disposition = await self._work.process(record)
        except asyncio.CancelledError:
            if not slot.cancel_reason or slot.task is None:
                raise
            slot.task.uncancel()
            if slot.cancel_reason == "revoked":
                return RecordDisposition.DONE
            disposition = await self._work.on_deadline(record)
        finally:
            slot.entry = None
            partition.running -= 1
            if partition.leaving and not partition.running:
                self._idle.set()
        if partition.live:
            partition.tracker.complete(record.offset)
        return disposition

    def _finished(self, lane: KeyQueue) -> None:
        partition, record, size = lane.popleft()
        partition.buffered -= size
        if not lane:
            del self._lanes[scheduling_key(record)]
        elif self._holds is None or self._may_begin(scheduling_key(record), lane):
            self._make_ready(lane)
        else:
            self._blocked_keys.add(scheduling_key(record))

    async def _wait_idle(self, partitions: list[PartitionState], grace: float) -> None:
        deadline = time.monotonic() + grace
        while any(partition.running for partition in partitions):
            self._idle.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self._idle.wait(), left)
            except TimeoutError:
                return

    async def _sweep(self) -> None:
        """Tell workers to let go of records that take longer than their deadline."""
        while True:
            await asyncio.sleep(min(1.0, self._deadline / 4))
            limit = time.monotonic() - self._deadline
            for slot in self._slots:
                if slot.entry is not None and slot.since < limit:
                    slot.cancel("overdue")
