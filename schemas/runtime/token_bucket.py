"""Token buckets."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


Share = Callable[[], float]


LEAST_SHARE = 0.01


class TokenBucket:
    """Lets so many through a second, and at most a second's worth at once."""

    def __init__(self, rate: float, share: Share, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._share = share
        self._clock = clock
        self._tokens = 1.0
        self._at = clock()

    def wait_seconds(self) -> float:
        """Take a token, and say how long to wait until it may be used."""
        rate = self._rate * max(self._share(), LEAST_SHARE)
        now = self._clock()
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._at) * rate) - 1.0
        self._at = now
        return max(0.0, -self._tokens / rate)


class Bucket:
    """Lets through so many a second on average, and a second's worth at once. `clock` is in seconds."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._most = max(1.0, rate)
        self._tokens = self._most
        self._filled = clock()

    def take(self) -> bool:
        """Whether one more may pass now."""
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
