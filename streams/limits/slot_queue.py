"""The queue of job slots: a fold of `system.slots`, equal in every worker.

A claim holds a slot once it has started, or while fewer claims than free slots precede it. Offsets order the claims, so
all workers agree without an owner of the queue. Later records move no claim backwards: a granted claim stays granted.
The state depends only on the newest record of each key, so compaction does not change it.
Source: state machine replication (Schneider, 1990).
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from headrace.streams.limits.job_quotas import JobQuotas
from headrace.streams.limits.slot_records import SlotClaim, SlotEnd, SlotRecord, SlotStart

REMEMBERED = 10_000
"""Ended jobs and removed claims that are remembered, newest first."""
SMOOTHING = 0.1


class OpenClaim(NamedTuple):
    """A claim that waits for a slot: the offset of its record, and its worker."""

    offset: int
    worker: str


@dataclass(slots=True)
class SlotPool:
    """The claims of the stages that share a quota."""

    limit: int
    waiting: list[tuple[int, str]] = field(default_factory=list)
    """Offset and token of each waiting claim, in order."""
    started: dict[str, SlotStart] = field(default_factory=dict)
    mean_seconds: float = 0.0
    """How long a job holds its slot: exponential moving average."""

    def granted(self) -> list[tuple[int, str]]:
        """Return the waiting claims that hold a slot."""
        return self.waiting[: max(0, self.limit - len(self.started))]

    def free(self) -> int:
        """Return the number of slots that no claim holds or waits for."""
        return max(0, self.limit - len(self.started) - len(self.waiting))

    def drain_seconds(self) -> float:
        """Return how long the waiting claims need at the present rate."""
        return self.mean_seconds * (1 + len(self.waiting) / self.limit)


class SlotQueue:
    """The claims of all workers. Not thread-safe."""

    def __init__(self, quotas: JobQuotas) -> None:
        self._quotas = quotas
        self.pools = {name: SlotPool(limit) for name, limit in quotas.limits.items()}
        self._claims: dict[str, OpenClaim] = {}
        self._removed: OrderedDict[str, int] = OrderedDict()
        self._ended: OrderedDict[str, int] = OrderedDict()

    def pool_of(self, token: str) -> SlotPool | None:
        """Return the pool of a job; None if it has no limit."""
        return self.pools.get(self._quotas.pool_of(token))

    def is_granted(self, token: str) -> bool:
        """Return whether the waiting claim of a job holds a slot."""
        pool, claim = self.pool_of(token), self._claims.get(token)
        return pool is not None and claim is not None and (claim.offset, token) in pool.granted()

    def start_of(self, token: str) -> SlotStart | None:
        """Return the start of a job that holds a slot."""
        pool = self.pool_of(token)
        return pool.started.get(token) if pool else None

    def holds(self, token: str) -> bool:
        """Return whether a job holds a slot or has ended."""
        return self.start_of(token) is not None or self.has_ended(token)

    def claims(self, token: str, offset: int) -> bool:
        """Return whether the waiting claim of a job is the one at an offset."""
        claim = self._claims.get(token)
        return claim is not None and claim.offset == offset

    def claim_of(self, token: str) -> OpenClaim | None:
        """Return the waiting claim of a job."""
        return self._claims.get(token)

    def must_wait(self, token: str, offset: int) -> bool:
        """Return whether the claim at an offset waits and is not granted."""
        return self.claims(token, offset) and not self.is_granted(token)

    def has_ended(self, token: str) -> bool:
        """Return whether a job is known to have ended. Only the newest 10,000 are known."""
        return token in self._ended

    def waiting(self) -> list[tuple[str, OpenClaim]]:
        """Return every waiting claim with its token."""
        return list(self._claims.items())

    def apply(self, token: str, content: SlotRecord, offset: int, now: datetime) -> None:
        """Apply a record of a job token."""
        pool = self.pool_of(token)
        if pool is None:
            return
        match content:
            case SlotClaim() if token not in pool.started:
                self._remove(pool, token)
                self._claims[token] = OpenClaim(offset, content.worker)
                insort(pool.waiting, (offset, token))
            case SlotStart():
                self._start(pool, token, content)
            case SlotEnd(claim=None):
                self.end(token, now)
            case SlotEnd():
                self._give_up(pool, token, content, offset)

    def end(self, token: str, now: datetime) -> None:
        """Free the slot of a job that has ended."""
        pool = self.pool_of(token)
        if pool is None:
            return
        _remember(self._ended, token, 0)
        if (start := pool.started.pop(token, None)) is not None:
            seconds = max(0.0, (now - start.at).total_seconds())
            pool.mean_seconds += (seconds - pool.mean_seconds) * (SMOOTHING if pool.mean_seconds else 1.0)
        self._remove(pool, token)

    def expire(self, now: datetime) -> list[tuple[str, SlotStart]]:
        """Free the slots of jobs that are past their deadlines, and return them."""
        expired = []
        for pool in self.pools.values():
            overdue = [(token, start) for token, start in pool.started.items() if start.until <= now]
            for token, _ in overdue:
                del pool.started[token]
            expired += overdue
        return expired

    def _start(self, pool: SlotPool, token: str, start: SlotStart) -> None:
        """Let a claim start. A start whose claim was removed or replaced has no effect."""
        claim = self._claims.get(token)
        if token in self._ended or token in pool.started:
            return
        if claim is None and self._removed.get(token, -1) >= start.claim:
            return
        if claim is not None and claim.offset != start.claim:
            return
        self._remove(pool, token)
        pool.started[token] = start

    def _give_up(self, pool: SlotPool, token: str, end: SlotEnd, offset: int) -> None:
        claim, start = self._claims.get(token), pool.started.get(token)
        if claim is not None and claim.offset == end.claim:
            self._remove(pool, token)
            _remember(self._removed, token, offset)
        elif start is not None and start.claim == end.claim and not end.waiting:
            del pool.started[token]
            _remember(self._removed, token, offset)

    def _remove(self, pool: SlotPool, token: str) -> None:
        claim = self._claims.pop(token, None)
        if claim is not None:
            pool.waiting.remove((claim.offset, token))


def _remember(memory: OrderedDict[str, int], token: str, offset: int) -> None:
    memory[token] = offset
    memory.move_to_end(token)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
