"""The token bucket: a rate limit that allows a burst of one second's tokens."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds."""
Share = Callable[[], float]
"""Returns the share of the rate that this process may use, from 0 to 1."""

MIN_SHARE = 0.01


def full_share() -> float:
    """Return 1: the process uses the whole rate."""
    return 1.0


class TokenBucket:
    """A bucket with `rate` tokens a second. It starts with one token, or with a second's tokens if `start_full`."""

    def __init__(
        self, rate: float, share: Share = full_share, clock: Clock = time.monotonic, *, start_full: bool = False
    ) -> None:
        self._rate = rate
        self._share = share
        self._clock = clock
        self._tokens = max(1.0, rate) if start_full else 1.0
        self._refilled = clock()

    def take(self) -> bool:
        """Take a token; return False if there is none."""
        self._refill()
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait_seconds(self) -> float:
        """Take a token in advance; return the seconds until it may be used."""
        rate = self._refill()
        self._tokens -= 1.0
        return max(0.0, -self._tokens / rate)

    def _refill(self) -> float:
        """Add the tokens of the time since the last call; return the rate."""
        rate = self._rate * max(self._share(), MIN_SHARE)
        now = self._clock()
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._refilled) * rate)
        self._refilled = now
        return rate
