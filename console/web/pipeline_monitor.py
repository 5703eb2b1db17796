"""The state of the pipeline and of the views, as pages show it, with rates from the last seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from headrace.console.assets.stage_status import PipelineStatus
from headrace.console.views.queries import activity
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.operations import worker_reports
from headrace.streams.worker.status_reports import StageStatusReport

RATE_SECONDS = 15.0
"""Rates are means of this time."""


@dataclass(frozen=True, slots=True)
class PipelineReading:
    """The state at a time in seconds since 1970, and records per second by stage: None until there are two reads."""

    status: PipelineStatus
    at: float
    rates: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class ViewFigures:
    """What the views know of the pipeline: open dead letters by stage, US dollars of today (UTC), worker reports."""

    letters: Mapping[str, int]
    spent: float
    reports: Sequence[StageStatusReport]


class PipelineMonitor:
    """Reads the state of the pipeline, and compares it with earlier reads."""

    def __init__(self, read: Callable[[], PipelineStatus], clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._clock = clock
        self._finished: deque[tuple[float, dict[str, int]]] = deque()

    def read(self) -> PipelineReading:
        """Read the state. Raises what `read` raises."""
        status, now = self._read(), self._clock()
        finished = {each.stage: each.finished for each in status.stages}
        self._finished.append((now, finished))
        while len(self._finished) > 2 and now - self._finished[1][0] > RATE_SECONDS:
            self._finished.popleft()
        then, before = self._finished[0]
        rates = {name: _rate(before.get(name), count, now - then) for name, count in finished.items()}
        return PipelineReading(status, now, rates)


def read_figures(connect: Connect, now: float) -> ViewFigures:
    """Read the figures. Raises `UnavailableError`."""
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    with connect() as connection:
        letters, nanos = activity.open_letters(connection), activity.spent_on(connection, day)
        return ViewFigures(letters, nanos / 1e9, worker_reports(connection))


def _rate(before: int | None, after: int, seconds: float) -> float | None:
    """Return records per second. A count that was reset by a rewind has no rate."""
    if before is None or seconds <= 0 or after < before:
        return None
    return (after - before) / seconds
