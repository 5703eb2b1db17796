"""Bound the processes that read media by the cores, and share them fairly.

Each slot is for one process. Large files leave one slot to small ones, and small files leave one to large ones that
wait, so a small file never waits for many large ones. Among the waiting files of a size, one of an asset without a
running process is next, so an asset never takes all slots from others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from headrace.streams.errors import ThrottledError

SMALL_BYTES = 256 << 10
MAX_WAIT_SECONDS = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class WaitingFile:
    """A file that waits for a slot or holds one."""

    key: str
    is_small: bool
    turn: asyncio.Future[None]


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class MediaSlots:
    """The slots of one process. Several event loops may use it, one after the other."""

    def __init__(self, count: int | None = None, max_wait_seconds: float = MAX_WAIT_SECONDS) -> None:
        self._count = count or max(2, available_cores())
        self._max_wait = max_wait_seconds
        self._waiting: list[WaitingFile] = []
        self._running: set[WaitingFile] = set()

    @asynccontextmanager
    async def hold(self, key: str, size: int) -> AsyncIterator[bool]:
        """Wait for a slot for a file of `size` bytes and hold it; yield whether the file is small.

        Raises:
            ThrottledError: No slot was free in time. It counts no attempt.
        """
        file = WaitingFile(key, size <= SMALL_BYTES, asyncio.get_running_loop().create_future())
        self._waiting.append(file)
        self._start()
        try:
            await self._turn(file)
            yield file.is_small
        finally:
            if file in self._waiting:
                self._waiting.remove(file)
            self._running.discard(file)
            self._start()

    async def _turn(self, file: WaitingFile) -> None:
        try:
            async with asyncio.timeout(self._max_wait):
                await file.turn
        except TimeoutError as error:
            raise ThrottledError(f"no slot for media was free within {self._max_wait:g} s", "media_slots") from error

    def _start(self) -> None:
        """Give free slots to waiting files."""
        while file := self._next():
            self._waiting.remove(file)
            if not file.turn.done() and not file.turn.get_loop().is_closed():
                self._running.add(file)
                file.turn.set_result(None)

    def _next(self) -> WaitingFile | None:
        busy = {file.key for file in self._running}
        for is_small in (True, False):
            files = [file for file in self._waiting if file.is_small is is_small]
            if files and self._has_room(is_small):
                return next((file for file in files if file.key not in busy), files[0])
        return None

    def _has_room(self, is_small: bool) -> bool:
        free = self._count - len(self._running)
        large = sum(not file.is_small for file in self._running)
        if not is_small:
            return free > 0 and large < self._count - 1
        large_waits = large == 0 and any(not file.is_small for file in self._waiting)
        return free > int(large_waits)
