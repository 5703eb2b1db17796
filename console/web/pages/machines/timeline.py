"""The visits of an execution as bars. Pure.

wait    a Wait state, a task that no worker has begun, a task token, the delay before a retry
work    a task runs
fail    an attempt that failed
span    a state with others inside it, or one that only moves data
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from headrace.console.views.queries.execution_states import StateAttempt, StateVisit
from headrace.console.views.queries.executions import StoredExecution

StateBarTone = Literal["wait", "work", "fail", "span"]
SHORTEST = 0.004
"""The width of the shortest visible bar, as a share of the whole."""
CALLBACK = ".waitForTaskToken"
_FAILED = ("failed", "timed-out", "aborted")


@dataclass(frozen=True, slots=True)
class StateBar:
    """A bar from `start` with a `width`, as shares of the whole time, and its length in seconds."""

    tone: StateBarTone
    start: float
    width: float
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class StateRow:
    """A visit with its bars."""

    visit: StateVisit
    seconds: float
    bars: tuple[StateBar, ...]


@dataclass(frozen=True, slots=True)
class ExecutionTimeline:
    """Visits in the order in which they began, over `seconds` from the start to the end, or to now."""

    rows: tuple[StateRow, ...]
    begin: float
    seconds: float


def execution_timeline(execution: StoredExecution, visits: Sequence[StateVisit], now: float) -> ExecutionTimeline:
    """Return the bars of visits. `now` is the end of what has not ended."""
    end = execution.stopped_at or now
    begin = execution.started_at
    scale = _Scale(begin, max(end - begin, 0.001))
    rows = []
    for visit in visits:
        last = min(visit.exited_at or end, end)
        rows.append(StateRow(visit, max(0.0, last - visit.entered_at), tuple(_bars(visit, last, scale))))
    return ExecutionTimeline(tuple(rows), begin, scale.seconds)


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: float
    seconds: float

    def bar(self, tone: StateBarTone, start: float, end: float, text: str) -> StateBar:
        share = min(max((start - self.begin) / self.seconds, 0.0), 1.0 - SHORTEST)
        width = min(max((end - start) / self.seconds, SHORTEST), 1.0 - share)
        return StateBar(tone, round(share, 5), round(width, 5), max(0.0, end - start), text)


def _bars(visit: StateVisit, end: float, scale: _Scale) -> Iterator[StateBar]:
    tries = [each for each in visit.tries if each.kind != "MapRun"]
    if not tries:
        tone: StateBarTone = "wait" if visit.type == "Wait" else "fail" if visit.status == "failed" else "span"
        words = {"wait": "waited", "fail": "failed"}.get(tone, visit.type)
        yield scale.bar(tone, visit.entered_at, end, words)
        return
    at = visit.entered_at
    for number, attempt in enumerate(tries, 1):
        if number > 1:
            yield scale.bar("wait", at, attempt.scheduled_at, "waited for the next attempt")
        at = min(attempt.ended_at or end, end)
        yield from _attempt(attempt, number, at, scale)
    if tries[-1].ended_at is not None and visit.exited_at is None and visit.status == "retrying":
        yield scale.bar("wait", at, end, "waits for the next attempt")


def _attempt(attempt: StateAttempt, number: int, end: float, scale: _Scale) -> Iterator[StateBar]:
    started = attempt.started_at
    if started is None and attempt.ended_at is None:
        yield scale.bar("wait", attempt.scheduled_at, end, f"attempt {number} waits for a worker")
        return
    if started is not None and started > attempt.scheduled_at:
        yield scale.bar("wait", attempt.scheduled_at, started, f"attempt {number} waited for a worker")
    begin = started or attempt.scheduled_at
    is_callback = attempt.resource.endswith(CALLBACK)
    if is_callback:
        yield scale.bar("wait", begin, end, f"attempt {number} waited for an answer by token")
    if attempt.status in _FAILED:
        words = f"attempt {number} {attempt.status}: {attempt.error or ''}".rstrip(": ")
        yield scale.bar("fail", end if is_callback else begin, end, words)
    elif not is_callback:
        yield scale.bar("work", begin, end, f"attempt {number} ran")
