"""Read values that several requests need at the same time once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def cached_for(seconds: float, read: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> Callable[[], T]:
    """Return a function that reads a value at most once in some seconds. An error is not kept."""
    lock = threading.Lock()
    known: list[tuple[float, T]] = []

    def value() -> T:
        with lock:
            if not known or clock() - known[0][0] >= seconds:
                found = read()
                known[:] = [(clock(), found)]
            return known[0][1]

    return value
