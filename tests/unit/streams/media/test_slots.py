"""Tests of the slots for media processes: bounded, and fair over keys and sizes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from headrace.streams.errors import ThrottledError
from headrace.streams.media.slots import SMALL_BYTES, MediaSlots

SMALL, LARGE = 1, SMALL_BYTES + 1


class Files:
    """Files that hold a slot until `end` is called."""

    def __init__(self, count: int, max_wait_seconds: float = 60.0) -> None:
        self.slots = MediaSlots(count, max_wait_seconds)
        self.running: list[str] = []
        self.started: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def add(self, key: str, size: int, name: str = "") -> None:
        name = name or key
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(name, key, size))
        await self.settle()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def _run(self, name: str, key: str, size: int) -> None:
        async with self.slots.hold(key, size):
            self.running.append(name)
            self.started.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    of_two = Files(2)
    async with AsyncExitStack() as stack:
        stack.callback(lambda: [task.cancel() for task in of_two.tasks.values()])
        yield of_two


async def test_no_more_files_run_than_there_are_slots(files: Files) -> None:
    for number in range(5):
        await files.add(str(number), SMALL)
    assert files.running == ["0", "1"]
    await files.end("0")
    assert files.running == ["1", "2"]


async def test_large_files_leave_a_slot_to_small_ones(files: Files) -> None:
    for number in range(200):
        await files.add(f"large {number}", LARGE)
    assert files.running == ["large 0"]
    await files.add("small", SMALL)
    assert files.running == ["large 0", "small"]


async def test_small_files_leave_a_slot_to_a_large_one_that_waits(files: Files) -> None:
    for number in range(20):
        await files.add(f"small {number}", SMALL)
    await files.add("large", LARGE)
    await files.end("small 0")
    assert files.running == ["small 1", "large"]


async def test_one_asset_does_not_hold_all_slots_while_others_wait(files: Files) -> None:
    await files.add("a", SMALL, "a1")
    await files.add("b", SMALL, "b1")
    for number in range(2, 9):
        await files.add("a", SMALL, f"a{number}")
    await files.add("c", SMALL, "c1")
    await files.end("b1")
    assert files.running == ["a1", "c1"]


async def test_one_asset_uses_free_slots_if_nothing_else_waits(files: Files) -> None:
    await files.add("a", SMALL, "a1")
    await files.add("a", SMALL, "a2")
    assert files.running == ["a1", "a2"]


async def test_cancelled_files_leave_their_slots_and_places(files: Files) -> None:
    for number in range(4):
        await files.add(str(number), SMALL)
    files.tasks["0"].cancel()
    files.tasks["2"].cancel()
    await files.settle()
    assert files.running == ["1", "3"]


async def test_wait_is_bounded_and_counts_no_attempt() -> None:
    files = Files(1, max_wait_seconds=0.05)
    await files.add("first", SMALL)
    with pytest.raises(ThrottledError, match="no slot for media"):
        async with files.slots.hold("second", SMALL):
            raise AssertionError("both run")
    await files.end("first")
    async with files.slots.hold("third", SMALL):
        assert not files.running


def test_slots_outlive_an_event_loop() -> None:
    slots = MediaSlots(1)

    async def use() -> None:
        async with slots.hold("a", SMALL):
            pass

    asyncio.run(use())
    asyncio.run(use())
