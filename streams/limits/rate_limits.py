"""Calls a second, per operation: never more than is allowed, whatever the number of workers.

A worker's share of a rate is the share of the stage's partitions that it owns, so workers need no agreement.
Source: the token bucket; Amazon's API throttling works the same way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

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


class Rates:
    """The buckets of one process."""

    def __init__(self, limits: Mapping[str, float], shares: Mapping[str, Share], clock: Clock = time.monotonic) -> None:
        whole: Share = lambda: 1.0  # noqa: E731
        self._buckets = {name: TokenBucket(rate, shares.get(name, whole), clock) for name, rate in limits.items()}

    async def wait(self, operation: str) -> None:
        """Wait until a call of this operation, such as `rekognition.detect_labels`, is allowed."""
        bucket = self._buckets.get(operation)
        if bucket is not None:
            await asyncio.sleep(bucket.wait_seconds())
