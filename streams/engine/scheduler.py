"""Run many records concurrently, in strict order per key. A slow key does not block other keys.

Records of one key wait in one queue. Workers take the head of the next ready queue, round-robin over the partitions. A
worker pulls its next record itself, so no slot is idle while records wait. A record that is not due yet occupies no
slot. In an `ordered` stage it locks its key: no other record of the key runs before it is finished.
Source: Confluent's parallel-consumer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.account import Account, to_metadata
from headrace.streams.engine.headers import MAX_DELAY_MS, RETRY_TOPIC
from headrace.streams.engine.key_locks import KeyLocks, is_retry
from headrace.streams.engine.losses import LostRange, ignore_loss
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

LONGEST_DELAY_SECONDS = MAX_DELAY_MS / 1000
"""A record that is due later has a timestamp that no broker set. It runs at once."""
RECORDS_PER_TURN = 500
"""Records after which a worker yields to the event loop."""

_place = attrgetter("offset", "timestamp")


class RecordHandler(NamedTuple):
    """The functions that run records. `process` and `on_deadline` return once the outcome is durable.

    A task that `is_waiting` has started nothing: its time does not count, and it can be cancelled at once.
    """

    process: Callable[[ConsumerRecord], Awaitable[RecordDisposition]]
    on_deadline: Callable[[ConsumerRecord], Awaitable[RecordDisposition]]
    due: Callable[[ConsumerRecord], float]
    lost: Callable[[LostRange], Awaitable[None]] = ignore_loss
    """Record a loss. It returns once the fact is durable."""
    is_waiting: Callable[[asyncio.Task[None]], bool] = lambda _: False
    assigned: Callable[[TopicPartition], None] = lambda _: None
    """Called when a partition is assigned, before its first record."""
    dropped: Callable[[TopicPartition], None] = lambda _: None
    """Called when a partition is not assigned any more, once its offsets are committed."""


class KeyedScheduler:
    """The scheduler of one stage in one process."""

    def __init__(
        self, work: RecordHandler, in_flight: int, buffer_bytes: int, deadline_seconds: float, ordered: bool = False
    ) -> None:
        self._work = work
        self._locks = KeyLocks() if ordered else None
        self._blocked_keys: set[object] = set()
        """Keys whose queues have records that must not start."""
        self._running_keys: set[object] = set()
        """Keys with a running record. Only ordered stages track them."""
        self._buffer_bytes = buffer_bytes
        self._deadline = deadline_seconds
        self._partitions: dict[TopicPartition, PartitionState] = {}
        self._queues: dict[object, KeyQueue] = {}
        self._ready_partitions: deque[PartitionState] = deque()
        self._idle_workers: deque[asyncio.Future[None]] = deque()
        self._slots = [WorkerSlot() for _ in range(in_flight)]
        self._closing = False
        self.stats = SchedulerStats(self._partitions, self._slots)
        self._idle = asyncio.Event()
        self._since_turn = 0
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the workers."""
        for slot in self._slots:
            slot.task = asyncio.create_task(self._worker(slot))
        self._sweeper = asyncio.create_task(self._sweep())

    def failure(self) -> BaseException | None:
        """Return the exception that ended a worker or the sweeper; None while all run."""
        if self._closing:
            return None
        ended = next((task for task in self._tasks() if task.done()), None)
        if ended is None:
            return None
        error = None if ended.cancelled() else ended.exception()
        return error or RuntimeError("a worker of the scheduler was cancelled")

    @property
    def ordered(self) -> bool:
        """Whether a deferred record blocks the later records of its key."""
        return self._locks is not None

    def assign(self, tp: TopicPartition, position: int, end: int = 0, account: Account | None = None) -> PartitionState:
        """Start a new assignment of a partition. Records of the previous one no longer move its offset.

        An ordered stage reads a retry partition up to `end` before its input partitions. `account` counts the outcomes
        below `position`.
        """
        self._drop(tp)
        partition = self._partitions[tp] = PartitionState(position, end, account)
        self._work.assigned(tp)
        return partition

    async def record_loss(self, loss: LostRange) -> None:
        """Record that the broker has deleted records. Return once the fact is durable, so before a commit behind it."""
        await self._work.lost(loss)

    def account(self, tp: TopicPartition) -> tuple[int, str] | None:
        """Return the offset that is safe to commit and its metadata; None when the partition is not assigned."""
        partition = self._partitions.get(tp)
        if partition is None:
            return None
        return partition.tracker.committable(), to_metadata(partition.tracker.account())

    def next_offset(self, tp: TopicPartition) -> int | None:
        """Return the next offset to deliver; None when the partition is not assigned."""
        partition = self._partitions.get(tp)
        return partition.tracker.position if partition else None

    def assigned(self) -> list[TopicPartition]:
        """Return the assigned partitions."""
        return list(self._partitions)

    def committable(self, tp: TopicPartition) -> int | None:
        """Return the offset that is safe to commit; None when the partition is not assigned."""
        partition = self._partitions.get(tp)
        return partition.tracker.committable() if partition else None

    def upcoming(self, record: ConsumerRecord, most: int) -> list[ConsumerRecord]:
        """Return at most `most` records that wait behind a running record of their key; none if the key is locked."""
        key = scheduling_key(record)
        queue = self._queues.get(key)
        if queue is None or (self._locks is not None and key in self._locks):
            return []
        return [waiting for _, waiting, _ in islice(queue, 1, most + 1)]

    def has_room(self, tp: TopicPartition) -> bool:
        """Whether to fetch more of a partition. Each partition has an equal share of the buffer."""
        partition = self._partitions.get(tp)
        if partition is None or self._closing or (self._locks is not None and self._retries_unread(tp)):
            return False
        return partition.buffered * len(self._partitions) < self._buffer_bytes

    def deliver(self, partition: PartitionState, start: int, records: list[ConsumerRecord]) -> bool:
        """Schedule records fetched from `start` on. Returns False when earlier records are missing: fetch again."""
        if partition.leaving or not partition.live or self._closing:
            return True
        if start != partition.tracker.position:
            return False
        partition.tracker.add(map(_place, records))
        if self._locks is not None or is_retry(records[0]):
            self._enqueue_or_delay(partition, records)
        else:
            self._enqueue_all(partition, records)
        self._wake()
        return True

    async def revoke(self, partitions: Iterable[TopicPartition], grace: float) -> None:
        """Start no more records of these partitions, and wait up to `grace` seconds for running ones."""
        leaving = [self._partitions[tp] for tp in partitions if tp in self._partitions]
        for partition in leaving:
            partition.leaving = True
        self._interrupt_waiting()
        await self._wait_idle(leaving, grace)
        for partition in leaving:
            partition.live = False
        for slot in self._slots:
            if slot.entry is not None and not slot.entry[0].live:
                slot.cancel("revoked")

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop revoked partitions, once their offsets are committed."""
        for tp in partitions:
            self._drop(tp)

    async def drain(self, grace: float) -> None:
        """Start no more records, and wait up to `grace` seconds for running ones. The rest is redelivered."""
        self._closing = True
        for partition in self._partitions.values():
            partition.leaving = True
        self._interrupt_waiting()
        await self._wait_idle(list(self._partitions.values()), grace)
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for task in (*[slot.task for slot in self._slots], self._sweeper) if task is not None]

    def _drop(self, tp: TopicPartition) -> None:
        partition = self._partitions.pop(tp, None)
        if partition is not None:
            partition.leaving = True
            partition.live = False
            self._work.dropped(tp)
            if self._locks is not None:
                for key in self._locks.release_assignment(partition):
                    self._unblock(key)

    def _retries_unread(self, tp: TopicPartition) -> bool:
        """Whether unread retries may precede the records of a partition."""
        if tp[0].endswith(RETRY_TOPIC):
            return False
        behind = (each for name, each in self._partitions.items() if name[0].endswith(RETRY_TOPIC))
        return any(each.tracker.position < each.end for each in behind)

    def _enqueue_all(self, partition: PartitionState, records: list[ConsumerRecord]) -> None:
        """Enqueue a batch of an unordered stage. The hot path: most records take it."""
        queues, ready, was_idle = self._queues, partition.ready, not partition.ready
        buffered = 0
        for record in records:
            key, size = scheduling_key(record), buffered_size(record)
            buffered += size
            queue = queues.get(key)
            if queue is None:
                queue = queues[key] = deque(((partition, record, size),))
                ready.append(queue)
            else:
                queue.append((partition, record, size))
        partition.buffered += buffered
        if was_idle and ready:
            self._ready_partitions.append(partition)

    def _enqueue_or_delay(self, partition: PartitionState, records: list[ConsumerRecord]) -> None:
        now = time.time()
        for record in records:
            entry = (partition, record, buffered_size(record))
            partition.buffered += entry[2]
            if self._locks is not None and is_retry(record):
                self._locks.add(record, partition)
            wait = self._work.due(record) - now
            if 0 < wait <= LONGEST_DELAY_SECONDS:
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
        queue = self._queues.get(key)
        if self._locks is not None and key in self._locks:
            self._enqueue_locked(key, entry)
        elif queue is not None:
            queue.append(entry)
        else:
            self._queues[key] = queue = deque((entry,))
            self._make_ready(queue)

    def _enqueue_locked(self, key: object, entry: QueuedRecord) -> None:
        """Put a retry before the records that it blocks, and any other record at the end."""
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            self._blocked_keys.add(key)
        if not is_retry(entry[1]):
            queue.append(entry)
            return
        queue.insert(self._first_after_retries(queue, key), entry)
        self._unblock(key)

    def _first_after_retries(self, queue: KeyQueue, key: object) -> int:
        begun = int(key in self._running_keys)
        return next((at for at in range(begun, len(queue)) if not is_retry(queue[at][1])), max(begun, len(queue)))

    def _unblock(self, key: object) -> None:
        """Make a blocked queue ready, if its head may start."""
        if key in self._blocked_keys and self._may_start(key, self._queues[key]):
            self._blocked_keys.discard(key)
            self._make_ready(self._queues[key])
            self._wake()

    def _may_start(self, key: object, queue: KeyQueue) -> bool:
        return self._locks is None or key not in self._locks or is_retry(queue[0][1])

    def _make_ready(self, queue: KeyQueue) -> None:
        partition = queue[0][0]
        if not partition.ready:
            self._ready_partitions.append(partition)
        partition.ready.append(queue)

    def _wake(self) -> None:
        """Wake one worker if a queue is ready. It wakes two more while queues are ready.

        Waking one per record would be wasted where records never wait: the first worker runs them all.
        """
        while self._ready_partitions and self._idle_workers:
            waiter = self._idle_workers.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _worker(self, slot: WorkerSlot) -> None:
        while True:
            queue = self._next() if self._ready_partitions else await self._wait_for_queue()
            entry = queue[0]
            if self._locks is not None:
                await self._run_ordered(slot, entry)
            elif not entry[0].leaving:
                await self._run(slot, entry)
            self._finished(queue)
            self._since_turn += 1
            if self._since_turn >= RECORDS_PER_TURN:
                self._since_turn = 0
                await asyncio.sleep(0)

    async def _wait_for_queue(self) -> KeyQueue:
        while not self._ready_partitions:
            waiter = asyncio.get_running_loop().create_future()
            self._idle_workers.append(waiter)
            await waiter
        queue = self._next()
        self._wake()
        self._wake()
        return queue

    def _next(self) -> KeyQueue:
        partition = self._ready_partitions.popleft()
        queue = partition.ready.popleft()
        if partition.ready:
            self._ready_partitions.append(partition)
        return queue

    async def _run_ordered(self, slot: WorkerSlot, entry: QueuedRecord) -> None:
        assert self._locks is not None
        partition, record, _ = entry
        key = scheduling_key(record)
        self._running_keys.add(key)
        try:
            disposition = RecordDisposition.DONE if partition.leaving else await self._run(slot, entry)
        finally:
            self._running_keys.discard(key)
        if not partition.live:
            return  # its locks ended with its assignment
        if disposition is RecordDisposition.DEFERRED:
            self._locks.add(record, partition)
        else:
            self._locks.release(record)

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
            partition.tracker.complete(record.offset, disposition.value)
        return disposition

    def _finished(self, queue: KeyQueue) -> None:
        partition, record, size = queue.popleft()
        partition.buffered -= size
        if not queue:
            del self._queues[scheduling_key(record)]
        elif self._locks is None or self._may_start(scheduling_key(record), queue):
            self._make_ready(queue)
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
        """Cancel records that exceed the deadline."""
        while True:
            await asyncio.sleep(min(1.0, self._deadline / 4))
            limit = time.monotonic() - self._deadline
            for slot in self._slots:
                if self._is_waiting(slot):
                    slot.since = time.monotonic()
                elif slot.entry is not None and slot.since < limit:
                    slot.cancel("deadline")

    def _is_waiting(self, slot: WorkerSlot) -> bool:
        return slot.entry is not None and slot.task is not None and self._work.is_waiting(slot.task)

    def _interrupt_waiting(self) -> None:
        """Cancel waiting records of leaving partitions. They are redelivered to the next owner."""
        for slot in self._slots:
            if slot.entry is not None and slot.entry[0].leaving and self._is_waiting(slot):
                slot.cancel("revoked")
