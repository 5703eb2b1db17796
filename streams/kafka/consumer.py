"""A Faust consumer that delivers whole batches without gaps and commits only finished offsets.

Faust's commit rule acknowledges past unfinished records, so `BatchConsumer` commits what
`streams.engine.offset_tracker` allows. See docs/decisions/0003-keep-faust-behind-one-port.md.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import RETRY_TOPIC
from headrace.streams.engine.losses import LostRange
from headrace.streams.engine.partition import PartitionState
from headrace.streams.engine.scheduler import KeyedScheduler
from headrace.streams.kafka.consumer_thread import ConsumerThread
from headrace.streams.kafka.deleted_topics import LogTruncatedError, forget_deleted
from headrace.streams.kafka.start_offsets import StartOffset, find_starts

FULL_POLL_SECONDS = 0.05


class FetchState:
    """The fetch position of one assignment of one partition."""

    __slots__ = ("assignment", "gap", "next_offset")

    def __init__(self, assignment: PartitionState, next_offset: int) -> None:
        self.assignment = assignment
        self.next_offset = next_offset
        self.gap: tuple[int, int] | None = None
        """The last gap: the expected offset, and the one that was fetched."""


class BatchConsumer(driver.Consumer):
    """Delivers one event per fetched batch and commits what the offset tracker allows.

    Faust fetches in its own thread, so a rebalance or a seek can drop fetched records. The consumer therefore checks
    offsets: it follows each partition without a gap from the start of its assignment.
    """

    _thread: ConsumerThread

    def __init__(self, *args: Any, scheduler: KeyedScheduler, grace: float, **kwargs: Any) -> None:
        self.stage_scheduler = scheduler
        self._grace = grace
        self._fetch_states: dict[TP, FetchState] = {}
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch records of partitions with room. Undeliverable records are fetched again, never skipped."""
        self.stage_scheduler.stats.last_poll = time.monotonic()
        fetched, _ = await self._wait_next_records(timeout)
        if not fetched:
            await self._refetch_dropped()
        for tp, records in fetched.items():
            if self.should_stop:
                return
            state = self._fetch_states.get(tp)
            if state is None:
                continue
            fresh = records if records[0].offset >= state.next_offset else _from(state.next_offset, records)
            if not fresh:
                await self._check_end(tp, state)
                continue
            if _is_contiguous(state, fresh[0].offset) and await self._accounts_for_gap(tp, state, fresh[0]):
                batch = RecordBatch(state.assignment, state.next_offset, fresh)
                state.next_offset = fresh[-1].offset + 1
                yield tp, self._event(tp, batch)
            else:
                await self.rewind(tp)

    async def _accounts_for_gap(self, tp: TP, state: FetchState, record: ConsumerRecord) -> bool:
        """Record a loss if the broker deleted the records before a fetched one: retention passed a paused stage.

        Returns False while earlier batches are not delivered yet: fetch again.
        """
        if record.offset == state.next_offset:
            return True
        if state.assignment.tracker.position != state.next_offset:
            return False
        end = min((await self.earliest_offsets(tp))[tp], record.offset)
        if end > state.next_offset:
            after = state.assignment.tracker.account().time
            where = (tp.topic, tp.partition, state.next_offset, end)
            await self.stage_scheduler.record_loss(LostRange(*where, after, record.timestamp))
            state.assignment.tracker.lose(end)
            state.next_offset = end
        return True

    async def _check_end(self, tp: TP, state: FetchState) -> None:
        """Check that a partition has the offset that is fetched next. aiokafka would go on at the log's beginning.

        Raises:
            LogTruncatedError: it ends before.
        """
        end = (await self.highwaters(tp))[tp]
        if end < state.next_offset:
            raise LogTruncatedError(tp, state.next_offset, end)

    async def _refetch_dropped(self) -> None:
        """Rewind partitions whose client position is ahead of the delivered records.

        This happens when a rebalance starts during a fetch: its records are dropped. A position ahead without a
        record, as after a transaction marker, is accepted once it is seen twice.
        """
        for tp, position in (await self._thread.positions()).items():
            state, delivered = self._fetch_states.get(tp), self.stage_scheduler.next_offset(_key(tp))
            if state is None or delivered is None or delivered == position:
                continue
            gap = (delivered, position)
            if position < delivered:
                await self._check_end(tp, state)
            if gap != state.gap:
                await self.rewind(tp)
                state.gap = gap

    async def rewind(self, tp: TP) -> None:
        """Seek to the first offset that was not delivered."""
        state, delivered = self._fetch_states.get(tp), self.stage_scheduler.next_offset(_key(tp))
        if state is not None and delivered is not None:
            state.next_offset = delivered
            await self.seek(tp, delivered)

    async def perform_seek(self) -> None:
        """Start a new assignment at the committed offsets, or at the beginning of the partition.

        Faust does not seek a partition without a committed offset, but an interrupted fetch may have moved it.
        Records fetched during the offset lookups belong to the previous assignment, so the last await is the seek.
        """
        starts = await find_starts(self, self._thread, self.assignment())
        for start in starts.values():
            if start.loss is not None:
                await self.stage_scheduler.record_loss(start.loss)
        await super().perform_seek()
        moved = [tp for tp in self.assignment() if tp in starts and self._assign(tp, starts[tp])]
        for tp in moved:
            state = self._fetch_states.get(tp)
            if state is not None:  # else the next rebalance has revoked it during an earlier seek
                await self.seek(tp, state.next_offset)

    def _assign(self, tp: TP, start: StartOffset) -> bool:
        """Start the assignment of a partition. Returns whether it does not start at Faust's committed offset."""
        waits = self.stage_scheduler.ordered and tp.topic.endswith(RETRY_TOPIC) and start.has_records
        assignment = self.stage_scheduler.assign(_key(tp), start.offset, start.end if waits else 0, start.account)
        if start.loss is not None:
            assignment.tracker.lose(start.loss.end)
        self._fetch_states[tp] = FetchState(assignment, start.next_offset)
        committed = self._committed_offset.get(tp)
        if committed is not None and committed > start.offset:  # truncated: Faust would not commit below it
            self._committed_offset[tp] = None
        return not committed or committed != start.next_offset

    async def _seek(self, partition: TP, offset: int) -> None:
        await self._thread.seek_in_thread(partition, offset)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Wait for running records, at most the grace period; commit; drop the partitions."""
        where = [_key(tp) for tp in revoked]
        await self.stage_scheduler.revoke(where, self._grace)
        committed = [tp for tp in revoked if self._committed_offset.get(tp) is not None]
        await forget_deleted(self._thread, self.stage_scheduler, committed)
        if not await self.commit():
            await self.commit()
        self.stage_scheduler.forget(where)
        for tp in revoked:
            self._fetch_states.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    def thread_failure(self) -> BaseException | None:
        """Return why the consumer thread has ended; None while it runs."""
        crash: BaseException | None = self._thread.crash_reason
        ended = self._thread.started and not self._thread.is_running()
        return crash or (RuntimeError("the consumer thread has ended") if ended and not self.should_stop else None)

    def ack(self, message: Message) -> bool:
        """Acknowledge a batch and clear Faust's own record of its offset."""
        done = super().ack(message)
        self._acked.pop(message.tp, None)
        self._acked_index.pop(message.tp, None)
        return done

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Disable Faust's stall warning, which fires for idle partitions."""

    async def _wait_next_records(self, timeout: float) -> tuple[Mapping[TP, list[ConsumerRecord]], set[TP]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        active = self._get_active_partitions()
        if any(tp not in self._fetch_states for tp in active):  # Faust's seek timed out
            await self.perform_seek()
        with_room = {tp for tp in active if self.stage_scheduler.has_room(_key(tp))}
        if not with_room:
            await self.sleep(FULL_POLL_SECONDS)
            return {}, with_room
        wait = timeout if len(with_room) == len(active) else FULL_POLL_SECONDS
        return await self._getmany(active_partitions=with_room, timeout=wait), with_room

    def _event(self, tp: TP, batch: RecordBatch) -> ConsumerMessage:
        """Wrap a batch in a single Faust `ConsumerMessage`."""
        last = batch.records[-1]
        position, value = (tp.topic, tp.partition, last.offset), cast(Any, batch)
        generation = self.app.consumer_generation_id
        return ConsumerMessage(*position, last.timestamp, 0, [], None, value, None, tp=tp, generation_id=generation)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (TP(*where) for where in self.stage_scheduler.assigned())

    def _new_offset(self, tp: TP) -> int | None:
        account = self.stage_scheduler.account(_key(tp))
        if account is None:
            return None
        self._thread.metadata[tp] = account
        return account[0]

    async def _add_gap(self, *_: Any) -> None:
        """Do nothing: the offset tracker knows only delivered records."""


def _is_contiguous(state: FetchState, offset: int) -> bool:
    """Whether records continue what was fetched. A gap, as compaction leaves it, counts once it is seen twice."""
    gap = (state.next_offset, offset)
    known = offset == state.next_offset or gap == state.gap
    state.gap = gap
    return known


def _from(offset: int, records: list[ConsumerRecord]) -> list[ConsumerRecord]:
    return [record for record in records if record.offset >= offset]


def _key(tp: Any) -> tuple[str, int]:
    return tp.topic, tp.partition


class RecordBatch(NamedTuple):
    """The records of one fetch of one partition; `start` is the fetch offset."""

    assignment: PartitionState
    start: int
    records: list[ConsumerRecord]
