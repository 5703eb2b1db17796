"""Limit the jobs that run at the same time, over all workers: what a stage's runner sees of it."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol


class JobSlots(Protocol):
    """Limits the jobs that run at the same time."""

    async def acquire(self, token: str, seconds: float) -> bool:
        """Wait for a slot for a job that runs at most `seconds`. Return whether the job had none before.

        A job keeps the slot it has. An ended job needs none: starting it again returns the same job by its token,
        without a second completion.

        Raises:
            RetryAt: Code `slots`: enough records of the stage wait already.
            OutageError: Kafka does not accept the claim.
        """

    async def release(self, token: str) -> None:
        """Free the slot of a job that the service rejected."""

    async def end(self, token: str) -> None:
        """Free the slot of a job that has ended."""

    def is_waiting(self, task: asyncio.Task[Any]) -> bool:
        """Return whether a task waits for a slot. It can be cancelled: its job has not started."""


class UnlimitedSlots:
    """Slots without limits."""

    async def acquire(self, token: str, seconds: float) -> bool:
        """Return at once."""
        return True

    async def release(self, token: str) -> None:
        """Do nothing."""

    async def end(self, token: str) -> None:
        """Do nothing."""

    def is_waiting(self, task: asyncio.Task[Any]) -> bool:
        """Return False."""
        return False
