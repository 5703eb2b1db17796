"""Says in the log what is wrong once, and once that it is over, however often and from how many threads it is told."""

from __future__ import annotations

import threading

import structlog

log = structlog.get_logger("headrace")


class OutageLog:
    """The state of one thing that the bridge depends on, such as a queue."""

    def __init__(self, **about: str) -> None:
        self._about = about
        self._said = ""
        self._lock = threading.Lock()

    def down(self, why: str) -> None:
        """Say what is wrong, unless that was the last thing said."""
        with self._lock:
            if why == self._said:
                return
            self._said = why
        log.warning("waiting", on=why, **self._about)

    def recovered(self) -> None:
        """Say that it works again, if it did not."""
        if not self._said:  # which is nearly always so, and needs no lock
            return
        with self._lock:
            was, self._said = self._said, ""
        if was:
            log.info("works again", **self._about)
