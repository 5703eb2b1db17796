"""Bound the time of an evaluation in seconds of the processor, so that a busy machine fails no expression."""

from __future__ import annotations

import time


class Deadline:
    """Ends after a time of the processor, measured in the current thread."""

    __slots__ = ("_processor", "_wall")

    def __init__(self, seconds: float) -> None:
        self._wall = time.monotonic() + seconds
        self._processor = time.thread_time() + seconds

    def passed(self) -> bool:
        """Return whether the time is over. The clock of the processor is slower to read, so it is read last."""
        return time.monotonic() > self._wall and time.thread_time() > self._processor
