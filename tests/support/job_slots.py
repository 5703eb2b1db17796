"""Job slots of one process, without a log: a record that finds none is deferred at once."""

from __future__ import annotations

import asyncio
from typing import Any

from headrace.streams.errors import RetryAt


class CountingSlots:
    """A number of slots."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken: set[str] = set()

    async def acquire(self, token: str, seconds: float) -> bool:
        """Take a slot. Raises `RetryAt` if there is none."""
        if token in self.taken:
            return False
        if len(self.taken) >= self.limit:
            raise RetryAt("all slots are taken", 5.0, "slots")
        self.taken.add(token)
        return True

    async def release(self, token: str) -> None:
        """Free the slot of a job."""
        self.taken.discard(token)

    async def end(self, token: str) -> None:
        """Free the slot of a job."""
        self.taken.discard(token)

    def is_waiting(self, task: asyncio.Task[Any]) -> bool:
        """Return False: nothing waits."""
        return False
