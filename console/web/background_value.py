"""A value that a thread reads again and again, so that no request waits for Kafka or a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog

from headrace.console.errors import UnavailableError
from headrace.console.explain import describe
from headrace.console.terminal.formatting import format_timestamp
from headrace.console.web.failures import UNEXPECTED

T = TypeVar("T")

ASKED_SECONDS = 10.0
"""Seconds after a request in which the value is read at the shorter interval."""
PATIENCE_SECONDS = 5.0
"""Seconds after which a read that has not ended counts as a problem."""

log = structlog.get_logger("headrace")


@dataclass(frozen=True, slots=True)
class Latest(Generic[T]):
    """The newest value, and why a newer one cannot be read.

    Times are in seconds since 1970. `value` and `at` are None before the first read, `problem` is empty and `since`
    is None while reads succeed.
    """

    value: T | None = None
    at: float | None = None
    problem: str = ""
    since: float | None = None

    def current(self) -> T:
        """Return the value.

        Raises:
            UnavailableError: there is none yet, or no newer one can be read.
        """
        if self.problem:
            raise UnavailableError(f"{self.problem} (since {format_timestamp(self.since)})")
        if self.value is None:
            raise UnavailableError("this is being read: repeat the request in a few seconds")
        return self.value


@dataclass(frozen=True, slots=True)
class ReadSchedule:
    """Seconds between reads while pages ask, and while none does (None: no reads then).

    `silent` is the problem of a read that does not end.
    """

    seconds: float
    idle_seconds: float | None
    silent: str


class BackgroundValue(Generic[T]):
    """Reads a value in a thread, from `start` or the first request on. Thread-safe."""

    def __init__(self, read: Callable[[], T], schedule: ReadSchedule, clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._schedule = schedule
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._asked = float("-inf")
        self._began: float | None = None
        self._latest: Latest[T] = Latest()

    def start(self) -> None:
        """Begin to read, unless reads have begun."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="background value", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Read no more. A read in progress is not waited for."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def latest(self) -> Latest[T]:
        """Return the newest value at once."""
        self.start()
        with self._changed:
            self._asked = time.monotonic()
            self._changed.notify_all()
            began, latest = self._began, self._latest
        if latest.problem or began is None or self._clock() - began <= PATIENCE_SECONDS:
            return latest
        return replace(latest, problem=self._schedule.silent, since=began)

    def _run(self) -> None:
        while not self._stopped:
            self._began = self._clock()
            found = self._next(self._began)
            with self._changed:
                self._latest, self._began = found, None
                self._wait()

    def _next(self, began: float) -> Latest[T]:
        try:
            return Latest(self._read(), self._clock())
        except Exception as error:  # pages show it
            problem = describe(error) or UNEXPECTED
            if problem == UNEXPECTED:
                log.error("background_read_failed", exc_info=True)
            before = self._latest
            return replace(before, problem=problem, since=began if before.since is None else before.since)

    def _wait(self) -> None:
        """Wait until the next read is due."""
        ended = time.monotonic()
        while not self._stopped:
            asked = time.monotonic() - self._asked <= ASKED_SECONDS
            seconds = self._schedule.seconds if asked else self._schedule.idle_seconds
            left = None if seconds is None else ended + seconds - time.monotonic()
            if left is not None and left <= 0:
                return
            self._changed.wait(left)
