"""Tests of the keyed scheduler: order per key, independent keys, exact offsets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler

WHERE = ("media.uploaded", 0)


def record(offset: int, key: bytes | None = b"k", partition: int = 0, timestamp: float = 0.0) -> ConsumerRecord:
    return ConsumerRecord("media.uploaded", partition, offset, timestamp, key, b"v", ())


class Bench:
    """A scheduler whose records finish when the test releases them."""

    def __init__(self) -> None:
        self.begun: list[ConsumerRecord] = []
        self.ended: list[ConsumerRecord] = []
        self.expired: list[ConsumerRecord] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.due: Callable[[ConsumerRecord], float] = lambda _: 0.0
        self.waiting = False
        """Whether the running records wait for a job slot."""

    async def process(self, received: ConsumerRecord) -> RecordDisposition:
        self.begun.append(received)
        gate = self.gates.get(received.offset)
        if gate is not None:
            await gate.wait()
        self.ended.append(received)
        return RecordDisposition.DONE

    async def expire(self, received: ConsumerRecord) -> RecordDisposition:
        self.expired.append(received)
        return RecordDisposition.DEFERRED

    def hold(self, *offsets: int) -> None:
        self.gates = {offset: asyncio.Event() for offset in offsets}

    @asynccontextmanager
    async def running(
        self, in_flight: int = 4, buffer: int = 1 << 20, deadline: float = 60.0
    ) -> AsyncIterator[KeyedScheduler]:
        work = RecordHandler(self.process, self.expire, self.due, is_waiting=lambda _: self.waiting)
        scheduler = KeyedScheduler(work, in_flight, buffer, deadline)
        scheduler.start()
        try:
            yield scheduler
        finally:
            await scheduler.drain(0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def until(condition: Callable[[], bool], seconds: float = 25.0) -> None:
    """Wait for a condition, with a deadline."""

    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0)

    await asyncio.wait_for(poll(), seconds)


async def still() -> None:
    """Run every ready task."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_records_of_one_key_run_in_order(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0), record(1), record(2)])
        await still()
        assert [each.offset for each in bench.begun] == [0]
        bench.gates[0].set()
        await until(lambda: len(bench.ended) == 3)
    assert [each.offset for each in bench.ended] == [0, 1, 2]


async def test_slow_key_blocks_no_other_key_and_keeps_the_offset(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(
            scheduler.assign(WHERE, 0), 0, [record(0, b"slow"), *(record(n, b"%d" % n) for n in range(1, 9))]
        )
        await until(lambda: len(bench.ended) == 8)
        assert scheduler.committable(WHERE) == 0
        bench.gates[0].set()
        await until(lambda: scheduler.committable(WHERE) == 9)


async def test_in_flight_records_are_limited(bench: Bench) -> None:
    bench.hold(*range(9))
    async with bench.running(in_flight=3) as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(n, b"%d" % n) for n in range(9)])
        await still()
        assert scheduler.stats.in_flight_records() == 3


async def test_records_without_a_key_run_concurrently(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0, None), record(1, None)])
        await until(lambda: [each.offset for each in bench.ended] == [1])


async def test_partitions_take_turns(bench: Bench) -> None:
    bench.hold(0)
    other = ("media.uploaded", 1)
    async with bench.running(in_flight=1) as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(n, b"a%d" % n) for n in range(20)])
        scheduler.deliver(scheduler.assign(other, 100), 100, [record(n, b"b%d" % n, 1) for n in range(100, 103)])
        await until(lambda: bool(bench.begun))
        bench.gates[0].set()
        await until(lambda: len(bench.ended) == 23)
    last_of_the_small_one = max(place for place, each in enumerate(bench.ended) if each.partition == 1)
    assert last_of_the_small_one <= 7


async def test_partition_with_a_full_buffer_has_no_room(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running(buffer=2000) as scheduler:
        partition = scheduler.assign(WHERE, 0)
        assert scheduler.has_room(WHERE)
        scheduler.deliver(partition, 0, [record(n) for n in range(4)])
        assert not scheduler.has_room(WHERE)
        bench.gates[0].set()
        await until(lambda: scheduler.has_room(WHERE))


async def test_record_that_is_not_due_uses_no_slot_and_blocks_its_offset(bench: Bench) -> None:
    soon = 0.05
    now = time.time()
    bench.due = lambda each: now + soon if each.offset == 0 else 0.0
    async with bench.running(in_flight=1) as scheduler:
        again = [replace(each, topic="probe.retry") for each in (record(0, b"later"), record(1, b"now"))]
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, again)
        await until(lambda: [each.offset for each in bench.ended] == [1])
        assert scheduler.committable(WHERE) == 0
        assert time.time() < now + soon
        await until(lambda: scheduler.committable(WHERE) == 2)
        assert time.time() >= now + soon


async def test_record_past_its_deadline_is_cancelled_and_retried(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running(deadline=0.05) as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0), record(1)])
        await until(lambda: scheduler.committable(WHERE) == 2)
    assert [each.offset for each in bench.expired] == [0]
    assert [each.offset for each in bench.ended] == [1]


async def test_rejects_a_batch_after_a_gap(bench: Bench) -> None:
    async with bench.running() as scheduler:
        partition = scheduler.assign(WHERE, 0)
        assert scheduler.deliver(partition, 0, [record(0)])
        assert not scheduler.deliver(partition, 5, [record(5)])
        await until(lambda: scheduler.committable(WHERE) == 1)


async def test_records_of_an_earlier_assignment_do_not_move_the_offset(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0)])
        await until(lambda: bool(bench.begun))
        scheduler.assign(WHERE, 0)
        bench.gates[0].set()
        await until(lambda: len(bench.ended) == 1)
        await still()
        assert scheduler.committable(WHERE) == 0


async def test_revoke_waits_for_running_records_and_starts_no_more(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0), record(1)])
        await until(lambda: bool(bench.begun))
        giving = asyncio.create_task(scheduler.revoke([WHERE], 5.0))
        await still()
        assert not giving.done()
        bench.gates[0].set()
        await giving
        await still()
        assert [each.offset for each in bench.ended] == [0]
        assert scheduler.committable(WHERE) == 1


async def test_revoke_cancels_records_after_the_grace_period(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0)])
        await until(lambda: bool(bench.begun))
        await scheduler.revoke([WHERE], 0.01)
        await until(lambda: scheduler.stats.in_flight_records() == 0)
        assert scheduler.committable(WHERE) == 0  # the next owner sees it again
        assert not bench.ended
        assert not bench.expired


async def test_drain_ends_within_the_grace_period(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0)])
        await until(lambda: bool(bench.begun))
        await scheduler.drain(0.01)
        assert scheduler.committable(WHERE) == 0
        assert not bench.ended


async def test_time_of_a_waiting_record_does_not_count(bench: Bench) -> None:
    bench.hold(0)
    bench.waiting = True
    async with bench.running(deadline=0.05) as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0)])
        await asyncio.sleep(0.2)
        assert bench.expired == []
        bench.waiting = False
        await until(lambda: len(bench.expired) == 1)


@pytest.mark.parametrize("end", ["revoke", "drain"])
async def test_waiting_record_is_cancelled_at_once_and_redelivered(bench: Bench, end: str) -> None:
    bench.hold(0)
    bench.waiting = True
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0)])
        await still()
        begin = time.monotonic()
        await (scheduler.revoke([WHERE], 30.0) if end == "revoke" else scheduler.drain(30.0))
        assert time.monotonic() - begin < 10
        assert scheduler.committable(WHERE) == 0
    assert bench.ended == []


async def test_running_record_sees_those_that_wait_behind_it(bench: Bench) -> None:
    bench.hold(0)
    async with bench.running() as scheduler:
        scheduler.deliver(scheduler.assign(WHERE, 0), 0, [record(0), record(1), record(2, b"other"), record(3)])
        await still()
        assert [each.offset for each in scheduler.upcoming(record(0), 5)] == [1, 3]
        assert [each.offset for each in scheduler.upcoming(record(0), 1)] == [1]
        assert scheduler.upcoming(record(9, b"unknown"), 5) == []
        bench.gates[0].set()
        await until(lambda: len(bench.ended) == 4)
