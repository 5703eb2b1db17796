"""Wait for a job slot, so that all workers together stay within the concurrent-job quotas.

A worker appends a claim to `system.slots`, waits until the queue grants it, and appends a start before it calls the
service. Each append is read back: only what the log says counts. A job holds its slot whatever happens to its worker.
See docs/decisions/0034-order-job-slots-on-the-log.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from headrace.schemas.ids import token_stage
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.streams.errors import OutageError, RetryAt
from headrace.streams.limits.slot_queue import OpenClaim, SlotPool, SlotQueue
from headrace.streams.limits.slot_records import (
    WORKER,
    SlotClaim,
    SlotEnd,
    SlotRecord,
    SlotStart,
    WorkerHeartbeat,
    to_record,
)
from headrace.streams.limits.slot_view import SlotView

MIN_DEFER_SECONDS, MAX_DEFER_SECONDS = 5.0, 300.0


class SlotLog(Protocol):
    """Appends to `system.slots`."""

    async def append(self, record: ProducerRecord) -> int:
        """Return the offset of a record once it is durable. Raises `SendError`."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """This worker: its name, its interval of heartbeats, and how many records of a stage wait for a slot in memory."""

    worker: str
    interval: float
    most_waiting: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    draw: random.Random = field(default_factory=random.Random)


class QueuedSlots:
    """`JobSlots` in the queue of all workers."""

    def __init__(self, view: SlotView, log: SlotLog, claimant: Claimant) -> None:
        self._view = view
        self._log = log
        self._me = claimant
        self._tasks: dict[asyncio.Task[Any], str] = {}
        """The job token of each task that waits."""
        self._beating: asyncio.Task[None] | None = None
        self._restating: set[asyncio.Task[None]] = set()
        view.on_stale_end = self._restate

    async def acquire(self, token: str, seconds: float) -> bool:
        """Wait for a slot. Return whether the job had none before."""
        pool = self._view.read(lambda queue: queue.pool_of(token))
        if pool is None:
            return True
        if self._view.read(lambda queue: queue.holds(token)):
            return False
        self._admit(token_stage(token) or "", pool)
        with self._waiting(token):
            while (is_first := await self._attempt(token, seconds)) is None:
                pass
        return is_first

    async def release(self, token: str) -> None:
        """Free the slot of a job that the service rejected."""
        start = self._view.read(lambda queue: queue.start_of(token))
        if start is not None:
            await self._append(token, SlotEnd(start.claim))

    async def end(self, token: str) -> None:
        """Free the slot of a job that has ended."""
        if self._view.read(lambda queue: queue.pool_of(token)) is not None:
            await self._append(token, SlotEnd())

    def is_waiting(self, task: asyncio.Task[Any]) -> bool:
        """Return whether a task waits for a slot."""
        return task in self._tasks

    def _admit(self, stage: str, pool: SlotPool) -> None:
        """Let a limited number of records of a stage wait in memory; the others wait in its retry topic."""
        most = self._me.most_waiting + self._view.read(lambda _: pool.free())
        if sum(token_stage(token) == stage for token in self._tasks.values()) < most:
            return
        longest = min(max(self._view.read(lambda _: pool.drain_seconds()), MIN_DEFER_SECONDS), MAX_DEFER_SECONDS)
        after = self._me.draw.uniform(longest / 2, longest)
        raise RetryAt(f"all {pool.limit} slots are taken, and {self._me.most_waiting} records wait", after, "slots")

    async def _attempt(self, token: str, seconds: float) -> bool | None:
        """Claim a slot and start. Return whether it is this claim that started; None if it was removed: try again.

        Another task may wait for the same job: of a worker whose partition was revoked a moment ago, or of this one.
        Its claim is not replaced. A claim of this worker without a task is left from an outage.
        """
        await self._view.until(-1, lambda queue: queue.holds(token) or self._may_claim(queue.claim_of(token), token))
        if self._view.read(lambda queue: queue.holds(token)):
            return False
        offset = await self._append_claim(token)
        try:
            await self._view.until(offset, lambda queue: not queue.must_wait(token, offset))
            if self._view.read(lambda queue: queue.claims(token, offset)):
                now = self._me.clock()
                start = SlotStart(self._me.worker, offset, now, now + timedelta(seconds=seconds))
                await self._view.until(await self._append(token, start))
        except BaseException:
            await self._give_up(token, offset)
            raise
        holder = self._view.read(lambda queue: queue.start_of(token))
        if holder is not None and holder.claim == offset:
            return True
        if holder is None and not self._view.read(lambda queue: queue.has_ended(token)):
            return None
        await self._append(token, holder or SlotEnd())  # compaction would keep only the claim
        return False

    def _may_claim(self, claim: OpenClaim | None, token: str) -> bool:
        if claim is None:
            return True
        return claim.worker == self._me.worker and list(self._tasks.values()).count(token) == 1

    async def _append_claim(self, token: str) -> int:
        """Append a claim; if the task is cancelled meanwhile, give it up."""
        appending = asyncio.ensure_future(self._append(token, SlotClaim(self._me.worker)))
        try:
            return await asyncio.shield(appending)
        except asyncio.CancelledError:
            await self._give_up(token, await appending)
            raise

    async def _give_up(self, token: str, offset: int) -> None:
        with contextlib.suppress(OutageError):  # other workers remove the claims of a worker that is silent
            await self._append(token, SlotEnd(offset))

    async def _append(self, name: str, content: SlotRecord) -> int:
        try:
            return await self._log.append(to_record(name, content))
        except SendError as error:
            raise OutageError(f"no job slot can be claimed: {error}") from error

    def _restate(self, token: str, start: SlotStart) -> None:
        """Append a start of this worker again: compaction would keep only the outdated tombstone behind it."""

        async def append() -> None:
            with contextlib.suppress(OutageError):
                await self._append(token, start)

        if start.worker == self._me.worker:
            task = asyncio.create_task(append())
            self._restating.add(task)
            task.add_done_callback(self._restating.discard)

    @contextlib.contextmanager
    def _waiting(self, token: str) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = token
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            del self._tasks[task]

    async def _beat(self) -> None:
        """Show that this worker is alive while it waits, and remove the claims of workers that are not."""
        name, beaten = f"{WORKER}{self._me.worker}", False
        await asyncio.sleep(self._me.interval)
        while self._tasks:
            with contextlib.suppress(OutageError):  # the next round tries again
                beaten = await self._append(name, WorkerHeartbeat()) >= 0
                await self._clean_up()
            await asyncio.sleep(self._me.interval)
        if beaten:
            with contextlib.suppress(OutageError):
                await self._append(name, SlotEnd())

    async def _clean_up(self) -> None:
        """Remove the claims of silent workers and of tasks that are gone, and the slots of overdue jobs."""
        silent, beating = self._view.silent_workers()
        overdue = self._view.read(lambda queue: queue.expire(self._me.clock()))
        records: list[tuple[str, SlotRecord]] = [(token, SlotEnd(start.claim)) for token, start in overdue]
        records += [
            (token, SlotEnd(claim.offset, waiting=True))
            for token, claim in self._view.read(SlotQueue.waiting)
            if claim.worker in silent or (claim.worker == self._me.worker and token not in self._tasks.values())
        ]
        for name, content in (*records, *((f"{WORKER}{worker}", SlotEnd()) for worker in beating)):
            await self._append(name, content)
        self._view.forget(silent)
