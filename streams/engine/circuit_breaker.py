"""Stops a stage whose dead letters say that the fault is ours, instead of dead-lettering everything.

A blown fuse is kept in the results bucket, so that a restart does not begin again until somebody resets it.
Source: the circuit breaker of Nygard, "Release It!", with a person to close it.
"""

from __future__ import annotations

from collections import deque

from headrace.streams.engine.outcome import Dead, Outcome, Retry
from headrace.streams.results import ResultsBucket

WINDOW = 50
LEAST = 20
SHARE = 0.5


class CircuitOpenError(RuntimeError):
    """Too many of a stage's recent records failed with a fault of ours."""


class CircuitBreaker:
    """Watches the endings of one stage."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self.why = ""

    def note(self, outcome: Outcome) -> None:
        """Count an ending. Raises `FuseBlown` when it is one too many, before anything is made of it."""
        if self.why:
            raise CircuitOpenError(self.why)
        if isinstance(outcome, Retry):
            return
        ours = isinstance(outcome, Dead) and outcome.code == "ours"
        self._recent.append(ours)
        if not ours or len(self._recent) < LEAST:
            return
        failed = sum(self._recent)
        if failed >= SHARE * len(self._recent):
            self.why = f"{failed} of the last {len(self._recent)} records failed with a fault of ours: {outcome.why}"
            raise CircuitOpenError(self.why)


async def load_reason(bucket: ResultsBucket, stage: str) -> str:
    """Say why a stage's fuse is blown; empty when it is not."""
    return ((await bucket.get(_key(stage))) or b"").decode()


async def save_reason(bucket: ResultsBucket, stage: str, why: str) -> None:
    """Remember that a stage's fuse is blown; an empty reason resets it."""
    await bucket.put(_key(stage), why.encode(), "text/plain")


def _key(stage: str) -> str:
    return f"_fuses/{stage}.txt"
