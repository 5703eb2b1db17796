"""In an ordered stage a deferred record blocks the later records of its key."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import due_at, text
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler

SOURCE, RETRY = ("media.uploaded", 0), ("scan.retry", 0)


def record(offset: int, key: bytes = b"k") -> ConsumerRecord:
    return ConsumerRecord(*SOURCE, offset, 0.0, key, b"v", ())


def again(of: ConsumerRecord, offset: int, after_ms: int = 0) -> ConsumerRecord:
    """The record in the retry topic."""
    plan = {"after-ms": after_ms, "attempts": 1, "waits": 0, "first-failure": "2026-03-14T00:00:00Z"}
    origin = dict(of.headers)
    place = {"topic": of.topic, "partition": of.partition, "offset": of.offset, "timestamp": 0}
    headers = tuple(text(f"retry-{name}", value) for name, value in {**plan, **place}.items())
    first = origin if "retry-topic" in origin else dict(headers)
    kept = tuple((name, first.get(name, value)) for name, value in headers)
    return ConsumerRecord(*RETRY, offset, time.time(), of.key, of.value, kept)


class Stage:
    """A handler that fails a given number of times, and its retry topic."""

    def __init__(self, failures: dict[int, int] | None = None) -> None:
        self.left = defaultdict(int, failures or {})
        self.begun: list[int] = []
        self.done: list[ConsumerRecord] = []
        self.retries: list[ConsumerRecord] = []
        self.after_ms = 0
        self.gates: dict[int, asyncio.Event] = {}

    async def process(self, received: ConsumerRecord) -> RecordDisposition:
        number = self.number(received)
        self.begun.append(number)
        await (self.gates.pop(number).wait() if number in self.gates else asyncio.sleep(0))
        if self.left[number]:
            self.left[number] -= 1
            self.retries.append(again(received, len(self.retries), self.after_ms))
            return RecordDisposition.DEFERRED
        self.done.append(received)
        return RecordDisposition.DONE

    def number(self, received: ConsumerRecord) -> int:
        """The offset of the record's first delivery."""
        return int(dict(received.headers).get("retry-offset") or received.offset)

    def numbers(self, key: bytes = b"k") -> list[int]:
        return [self.number(each) for each in self.done if each.key == key]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[KeyedScheduler]:
        scheduler = KeyedScheduler(RecordHandler(self.process, self.process, due_at), 8, 1 << 20, 60.0, ordered=True)
        scheduler.start()
        try:
            yield scheduler
        finally:
            await scheduler.drain(0)


async def still() -> None:
    """Run every ready task."""
    for _ in range(50):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""

    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0)

    await asyncio.wait_for(poll(), 25)


async def test_deferred_record_blocks_later_records_of_its_key() -> None:
    stage = Stage({0: 1})
    async with stage.running() as scheduler:
        scheduler.deliver(scheduler.assign(SOURCE, 0), 0, [record(0), record(1), record(2, b"other")])
        retries = scheduler.assign(RETRY, 0)
        await still()
        assert stage.begun == [0, 2]
        scheduler.deliver(retries, 0, stage.retries)
        await until(lambda: stage.numbers() == [0, 1])


async def test_key_stays_locked_through_several_retries() -> None:
    stage = Stage({0: 3})
    async with stage.running() as scheduler:
        scheduler.deliver(scheduler.assign(SOURCE, 0), 0, [record(0), record(1)])
        retries = scheduler.assign(RETRY, 0)
        for number in range(3):
            await still()
            assert not stage.done
            scheduler.deliver(retries, number, stage.retries[number:])
        await until(lambda: stage.numbers() == [0, 1])


async def test_retry_that_is_not_due_blocks_only_its_key() -> None:
    stage = Stage()
    async with stage.running() as scheduler:
        scheduler.deliver(scheduler.assign(RETRY, 0), 0, [again(record(0), 0, after_ms=200)])
        scheduler.deliver(scheduler.assign(SOURCE, 1), 1, [record(1), record(2, b"other")])
        await still()
        assert stage.begun == [2]
        await until(lambda: stage.numbers() == [0, 1])


async def test_retries_are_read_before_the_input_after_a_restart() -> None:
    stage = Stage()
    async with stage.running() as scheduler:
        retries = scheduler.assign(RETRY, 3, end=5)
        scheduler.assign(SOURCE, 7)
        assert scheduler.has_room(RETRY)
        assert not scheduler.has_room(SOURCE)
        scheduler.deliver(retries, 3, [again(record(0), 3), again(record(1, b"other"), 4)])
        assert scheduler.has_room(SOURCE)


async def test_duplicate_retry_unlocks_its_key() -> None:
    stage = Stage()
    async with stage.running() as scheduler:
        twice = [again(record(0), 0), again(record(0), 1)]
        scheduler.deliver(scheduler.assign(RETRY, 0), 0, twice)
        scheduler.deliver(scheduler.assign(SOURCE, 0), 0, [record(0), record(1)])
        await until(lambda: stage.numbers() == [0, 0, 0, 1])


async def test_revoked_partition_releases_its_locks() -> None:
    stage = Stage({0: 1})
    async with stage.running() as scheduler:
        scheduler.deliver(scheduler.assign(SOURCE, 0), 0, [record(0), record(1)])
        scheduler.assign(RETRY, 0)
        await still()
        await scheduler.revoke([SOURCE, RETRY], 1.0)
        scheduler.forget([SOURCE, RETRY])
        await still()
        assert not stage.done
        scheduler.deliver(scheduler.assign(SOURCE, 1), 1, [record(1)])
        await until(lambda: stage.numbers() == [1])


async def test_record_of_a_previous_assignment_unlocks_nothing() -> None:
    stage, gate = Stage(), asyncio.Event()
    stage.gates[0] = gate
    async with stage.running() as scheduler:
        scheduler.deliver(scheduler.assign(RETRY, 0), 0, [again(record(0), 0)])
        await still()
        assert stage.begun == [0]
        scheduler.deliver(scheduler.assign(RETRY, 0), 0, [again(record(0), 0, after_ms=200)])
        scheduler.deliver(scheduler.assign(SOURCE, 1), 1, [record(1)])
        gate.set()
        await still()
        assert 1 not in stage.begun
        await until(lambda: stage.numbers() == [0, 0, 1])


@settings(max_examples=60)
@given(
    keys=st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=12),
    failures=st.dictionaries(st.integers(0, 11), st.integers(1, 3)),
    seed=st.integers(0, 1000),
)
def test_no_record_ever_passes_another_of_its_key(keys: list[bytes], failures: dict[int, int], seed: int) -> None:
    async def run() -> None:
        stage, draw = Stage(failures), random.Random(seed)
        async with stage.running() as scheduler:
            source, retries, fed, back = scheduler.assign(SOURCE, 0), scheduler.assign(RETRY, 0), 0, 0
            while len(stage.done) < len(keys):
                if fed < len(keys) and draw.random() < 0.5:
                    scheduler.deliver(source, fed, [record(fed, keys[fed])])
                    fed += 1
                if back < len(stage.retries) and draw.random() < 0.5:
                    scheduler.deliver(retries, back, [stage.retries[back]])
                    back += 1
                await asyncio.sleep(0)
        for key in set(keys):
            assert stage.numbers(key) == [number for number, each in enumerate(keys) if each == key]

    asyncio.run(asyncio.wait_for(run(), 50))
