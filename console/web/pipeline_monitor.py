"""The state of the pipeline, read once for all pages, with rates from the last seconds."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headrace.console.assets.stage_status import PipelineStatus

RATE_SECONDS = 15.0
"""Rates are means of this time."""
FRESH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class PipelineReading:
    """The state at a time in seconds since 1970, and records per second by stage: None until there are two reads."""

    status: PipelineStatus
    at: float
    rates: Mapping[str, float | None]


class PipelineMonitor:
    """Reads the state when it is needed, for concurrent requests once."""

    def __init__(self, read: Callable[[], PipelineStatus], clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._known: PipelineReading | None = None
        self._finished: deque[tuple[float, dict[str, int]]] = deque()

    def current(self, max_age: float = FRESH_SECONDS) -> PipelineReading:
        """Return the state, at most `max_age` seconds old. Raises what the read raises."""
        known = self._known
        if known is not None and self._clock() - known.at <= max_age:
            return known
        with self._lock:
            if self._known is None or self._known is known or self._clock() - self._known.at > max_age:
                self._known = self._next()
            return self._known

    def _next(self) -> PipelineReading:
        status, now = self._read(), self._clock()
        finished = {each.stage: each.finished for each in status.stages}
        self._finished.append((now, finished))
        while len(self._finished) > 2 and now - self._finished[1][0] > RATE_SECONDS:
            self._finished.popleft()
        then, before = self._finished[0]
        rates = {name: _rate(before.get(name), count, now - then) for name, count in finished.items()}
        return PipelineReading(status, now, rates)


def _rate(before: int | None, after: int, seconds: float) -> float | None:
    """Return records per second. A count that was reset by a rewind has no rate."""
    if before is None or seconds <= 0 or after < before:
        return None
    return (after - before) / seconds
