"""Send the events of a feed to all of its viewers.

One task reads a feed for all viewers, while there are any. An event is sent when its text changes; a viewer who falls
behind gets the newest text of each event, so memory is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress

import structlog

from headrace.console.web.failures import UNEXPECTED, problem_of
from headrace.schemas.safe_text import safe_text

HEARTBEAT_SECONDS = 15.0
"""Seconds between comments on a quiet stream, so that proxies keep it open."""
PROBLEM = "problem"
"""Event with the reason why a feed cannot be read; empty once it can."""

log = structlog.get_logger("headrace")


class Broadcaster:
    """The viewers of one feed."""

    def __init__(self, read: Callable[[], Mapping[str, str]], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._viewers: set[_Viewer] = set()
        self._last: dict[str, bytes] = {}
        self._task: asyncio.Task[None] | None = None

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the current events, and then changes, until the viewer leaves."""
        viewer = _Viewer(self._last)
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            while True:
                yield await viewer.next(HEARTBEAT_SECONDS)
        finally:
            self._viewers.discard(viewer)

    async def close(self) -> None:
        """Stop reading, and end all streams."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def viewers(self) -> int:
        """The number of viewers."""
        return len(self._viewers)

    async def _run(self) -> None:
        """Read and send until the last viewer has left."""
        while self._viewers:
            self._send(await self._texts())
            await asyncio.sleep(self._seconds)
        self._task = None
        self._last = {}

    async def _texts(self) -> Mapping[str, str]:
        try:
            return {**await asyncio.to_thread(self._read), PROBLEM: ""}
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                log.error("feed_failed", exc_info=error)
            return {PROBLEM: safe_text(problem.message if problem else UNEXPECTED)}

    def _send(self, texts: Mapping[str, str]) -> None:
        encoded = {name: encode_event(name, text) for name, text in texts.items()}
        changed = {name: data for name, data in encoded.items() if self._last.get(name) != data}
        self._last |= changed
        for viewer in self._viewers if changed else ():
            viewer.add(changed)


class _Viewer:
    """One stream, with the events that it has not sent yet."""

    def __init__(self, first: Mapping[str, bytes]) -> None:
        self._waiting = dict(first)
        self._wake = asyncio.Event()
        if first:
            self._wake.set()

    def add(self, changed: Mapping[str, bytes]) -> None:
        """Add events. A newer text replaces an older one."""
        self._waiting |= changed
        self._wake.set()

    async def next(self, seconds: float) -> bytes:
        """Return the waiting events, or a comment after some seconds without any."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return b": \n\n"
        self._wake.clear()
        waiting, self._waiting = self._waiting, {}
        return b"".join(waiting.values())


def encode_event(name: str, text: str) -> bytes:
    """Encode an event for the stream."""
    lines = "".join(f"data: {line}\n" for line in text.split("\n"))
    return f"event: {name}\n{lines}\n".encode()
