"""A slow value that pages show without waiting for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """A value and when it was read, in seconds since 1970."""

    value: T
    at: float


class SlowValue(Generic[T]):
    """Reads a value in a thread when it is asked for and older than `seconds`."""

    def __init__(self, read: Callable[[], T], seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._reading = threading.Lock()
        self._known: Dated[T] | None = None

    def last(self) -> Dated[T] | None:
        """Return the last value, and read a new one in the background if it is old."""
        known = self._known
        if (known is None or self._clock() - known.at >= self._seconds) and self._reading.acquire(blocking=False):
            threading.Thread(target=self._run, name="background value", daemon=True).start()
        return known

    def _run(self) -> None:
        try:
            self._known = Dated(self._read(), self._clock())
        finally:
            self._reading.release()
