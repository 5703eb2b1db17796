"""Limit failed logins of an address and of a user name."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 300.0
PER_ADDRESS = 10
PER_USER = 30
MOST_KEYS = 10_000


class LoginLimit:
    """Counts failures in the last five minutes. Memory is bounded: the oldest keys are forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[str, deque[float]] = {}

    def wait_seconds(self, address: str, user: str) -> float:
        """Return the seconds until this address may try this user again; 0 if it may now."""
        with self._lock:
            waits = (self._wait(key, limit) for key, limit in _keys(address, user))
            return max(waits)

    def failed(self, address: str, user: str) -> None:
        """Count a failure."""
        now = self._clock()
        with self._lock:
            for key, limit in _keys(address, user):
                times = self._failures.pop(key, None) or deque(maxlen=limit)
                times.append(now)
                self._failures[key] = times
            while len(self._failures) > MOST_KEYS:
                del self._failures[next(iter(self._failures))]

    def _wait(self, key: str, limit: int) -> float:
        times = self._failures.get(key, deque())
        if len(times) < limit:
            return 0.0
        return max(0.0, times[0] + WINDOW_SECONDS - self._clock())


def _keys(address: str, user: str) -> tuple[tuple[str, int], ...]:
    return ((f"address {address}", PER_ADDRESS), (f"user {user}", PER_USER))
