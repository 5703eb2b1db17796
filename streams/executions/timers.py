"""The timers of open executions: which ones an execution waits for, and a queue of them by due time."""

from __future__ import annotations

from datetime import datetime
from heapq import heappop, heappush

from headrace.streams.machines.execution.record import DelayWork, Execution, FlowBranch, TaskWork


def pending_timers(execution: Execution) -> list[tuple[datetime, str]]:
    """Return the due times and ids of all timers that an execution waits for."""
    if execution.status != "RUNNING":
        return []
    timers = [(execution.timeout.due, execution.timeout.timer)] if execution.timeout else []
    if execution.continuation is not None:
        timers.append((execution.started_at, execution.continuation))
    for branch in execution.branches.values():
        timers.extend(_of_branch(branch))
    return timers


def timer_due(execution: Execution, timer: str) -> datetime | None:
    """Return when a timer is due; None if the execution does not wait for it any more."""
    if execution.status != "RUNNING":
        return None
    if execution.timeout is not None and execution.timeout.timer == timer:
        return execution.timeout.due
    if execution.continuation == timer:
        return execution.started_at
    branch = execution.branches.get(int(timer.partition(".")[0]))
    return next((due for due, each in _of_branch(branch) if each == timer), None) if branch is not None else None


def _of_branch(branch: FlowBranch) -> list[tuple[datetime, str]]:
    work = branch.work
    if branch.status != "running":
        return []
    if isinstance(work, DelayWork):
        return [(work.due, work.timer)]
    if isinstance(work, TaskWork):
        deadlines = ((work.deadline, "timeout"), (work.heartbeat_deadline, "heartbeat"))
        return [(due, f"{work.task}.{kind}") for due, kind in deadlines if due is not None]
    return []


class TimerQueue:
    """Timers by due time, in seconds since 1970. An entry without a timer stands for all timers of an execution.

    Nothing is removed when a timer is cancelled: the caller checks that the execution waits for it.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, str]] = []

    def add(self, due: float, execution: str, timer: str = "") -> None:
        """Add a timer."""
        heappush(self._heap, (due, execution, timer))

    def due(self, now: float, most: int) -> list[tuple[str, str]]:
        """Remove and return at most `most` timers that are due, as (execution, timer)."""
        due: list[tuple[str, str]] = []
        while self._heap and len(due) < most and self._heap[0][0] <= now:
            due.append(heappop(self._heap)[1:])
        return due

    def next_due(self) -> float | None:
        """Return when the next timer is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
