"""Log an outage once when it starts and once when it ends. Thread-safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

log = structlog.get_logger("headrace")


class OutageEvents(NamedTuple):
    """The log events of the start and the end of an outage."""

    start: str = "dependency_unavailable"
    end: str = "dependency_recovered"


DEPENDENCY = OutageEvents()


class OutageLog:
    """The outage of one dependency. `fields` go into each log line."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        events: OutageEvents = DEPENDENCY,
        **fields: str,
    ) -> None:
        self._clock = clock
        self._events = events
        self._fields = fields
        self._reason = ""
        self._since = 0.0
        self._lock = threading.Lock()

    def down(self, reason: str) -> None:
        """Log the start, unless this reason was the last one logged."""
        with self._lock:
            if reason == self._reason:
                return
            if not self._reason:
                self._since = self._clock()
            self._reason = reason
        log.warning(self._events.start, reason=reason, **self._fields)

    def recovered(self) -> None:
        """Log the end if an outage was logged."""
        if not self._reason:  # the usual case; it needs no lock
            return
        with self._lock:
            ended, self._reason = bool(self._reason), ""
            duration_ms = round((self._clock() - self._since) * 1000)
        if ended:
            log.info(self._events.end, duration_ms=duration_ms, **self._fields)
