"""Tasks that wait for a worker of an activity, from `machines.activities`.

One consumer group hands each task out once. A task counts as read when a worker has taken it; after a restart, tasks
that no worker has taken are read again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from headrace.console.machines.port import ActivityTask
from headrace.console.machines.task_source import ActivityRecordSource, TaskPlace
from headrace.schemas.records import ActivityScheduled

POLL_SECONDS = 0.2
INTERVAL_SECONDS = 0.02
MOST_WAITING = 10_000
"""Tasks that wait in memory. Beyond it, no more are read."""

log = structlog.get_logger("headrace")


class _Waiting(NamedTuple):
    place: TaskPlace
    offset: int
    task: ActivityTask


class ActivityQueue:
    """Reads tasks in a thread once the first worker asks for one."""

    def __init__(self, open_source: Callable[[], ActivityRecordSource]) -> None:
        self._open_source = open_source
        self._lock = threading.Lock()
        self._waiting: dict[str, dict[tuple[TaskPlace, int], _Waiting]] = {}
        self._ends: dict[TaskPlace, int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def take(self, activity: str, seconds: float) -> ActivityTask | None:
        """Return the oldest task of an activity, or None if there is none for some seconds."""
        self._start()
        deadline = time.monotonic() + seconds
        while True:
            task = self._pop(activity)
            if task is not None or time.monotonic() >= deadline:
                return task
            await asyncio.sleep(INTERVAL_SECONDS)

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def add(self, place: TaskPlace, offset: int, event: ActivityScheduled) -> None:
        """Add a task that was read."""
        task = ActivityTask(event.token, event.input, event.execution, event.task)
        with self._lock:
            self._ends[place] = offset + 1
            self._waiting.setdefault(event.activity, {})[place, offset] = _Waiting(place, offset, task)

    def committable(self) -> dict[TaskPlace, int]:
        """Return the offset of each partition below which every task was taken."""
        with self._lock:
            found = dict(self._ends)
            for tasks in self._waiting.values():
                for place, offset in tasks:
                    found[place] = min(found[place], offset)
            return found

    def _pop(self, activity: str) -> ActivityTask | None:
        with self._lock:
            tasks = self._waiting.get(activity)
            if not tasks:
                return None
            return tasks.pop(next(iter(tasks))).task

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._read, name="activities", daemon=True)
                self._thread.start()

    def _read(self) -> None:
        source = self._open_source()
        try:
            while not self._stop.is_set():
                if sum(map(len, self._waiting.values())) < MOST_WAITING:
                    for place, offset, event in source.poll(POLL_SECONDS):
                        self.add(place, offset, event)
                else:
                    self._stop.wait(POLL_SECONDS)
                source.commit(self.committable())
        except Exception as error:  # a worker waits in vain: the log says why
            log.error("activities_unavailable", reason=f"{type(error).__name__}: {error}")
            with self._lock:
                self._thread = None
        finally:
            source.close()
