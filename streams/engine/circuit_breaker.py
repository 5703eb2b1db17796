"""Stop a stage when too many of its records fail with an internal error.

The reason is stored in the results bucket, so a restart does not close the breaker; an operator resets it.
Source: the circuit breaker of Nygard, "Release It!".
"""

from __future__ import annotations

from collections import deque

from headrace.streams.engine.outcome import INTERNAL_ERROR, Dead, Outcome, Retry
from headrace.streams.results import ResultsBucket

WINDOW = 50
"""Outcomes that count."""
MIN_OUTCOMES = 20
"""Outcomes before the breaker can open."""
SHARE = 0.5
"""Share of internal errors that opens the breaker."""


class CircuitOpenError(RuntimeError):
    """Too many of a stage's recent records failed with an internal error."""


class CircuitBreaker:
    """The circuit breaker of one stage."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self.why = ""

    def note(self, outcome: Outcome) -> None:
        """Count an outcome.

        Raises:
            CircuitOpenError: the breaker is open, or this outcome opens it.
        """
        if self.why:
            raise CircuitOpenError(self.why)
        if isinstance(outcome, Retry):
            return
        failed = isinstance(outcome, Dead) and outcome.code == INTERNAL_ERROR
        self._recent.append(failed)
        if not failed or len(self._recent) < MIN_OUTCOMES:
            return
        failures = sum(self._recent)
        if failures >= SHARE * len(self._recent):
            self.why = (
                f"{failures} of the last {len(self._recent)} records failed with an internal error: {outcome.why}"
            )
            raise CircuitOpenError(self.why)


async def load_reason(bucket: ResultsBucket, stage: str) -> str:
    """Return why a stage's circuit breaker is open; empty when it is closed."""
    return ((await bucket.get(_key(stage))) or b"").decode()


async def save_reason(bucket: ResultsBucket, stage: str, why: str) -> None:
    """Store why a stage's circuit breaker is open; an empty reason resets it."""
    await bucket.put(_key(stage), why.encode(), "text/plain")


def _key(stage: str) -> str:
    return f"_fuses/{stage}.txt"
