"""Batch concurrent deliveries up to the limits of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace.schemas.delivery import Delivery, DeliveryError

WAIT_SECONDS = 0.005

EntryErrors = Sequence[DeliveryError | None]
"""The error of each delivery of a batch, in its order; None for a success."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The maximum deliveries and bytes of a call."""

    count: int
    size: int


class Batcher:
    """Collects deliveries for 5 ms. Each has its own result: one failure does not fail the others."""

    def __init__(self, call: Callable[[Sequence[Delivery]], EntryErrors], limits: BatchLimits) -> None:
        self._call = call
        self._limits = limits
        self._open: list[tuple[Delivery, asyncio.Future[None]]] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def deliver(self, delivery: Delivery) -> None:
        """Deliver in a batch. Raises `DeliveryError`."""
        size = len(delivery.body.encode())
        if size > self._limits.size:
            why = f"{size:,} bytes, and the target takes at most {self._limits.size:,}"
            raise DeliveryError("permanent", "too_large", why)
        if self._size + size > self._limits.size:
            self._flush()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._open.append((delivery, done))
        self._size += size
        if len(self._open) >= self._limits.count:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(WAIT_SECONDS, self._flush)
        await done

    def _flush(self) -> None:
        """Send the open batch."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._open, self._size = self._open, [], 0
        if batch:
            task = asyncio.create_task(self._send(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _send(self, batch: list[tuple[Delivery, asyncio.Future[None]]]) -> None:
        try:
            answers = await asyncio.to_thread(self._call, [delivery for delivery, _ in batch])
        except Exception as error:  # the whole call failed: so did each of its deliveries
            answers = [error if isinstance(error, DeliveryError) else None for _ in batch]
            if not isinstance(error, DeliveryError):
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                return
        for (_, done), failure in zip(batch, answers, strict=True):
            if done.done():
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)
