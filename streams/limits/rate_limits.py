"""Limit calls per second and operation, over all workers.

A worker's share of a rate is its share of the stage's partitions, so workers need no coordination.
Source: the token bucket, as in Amazon API throttling.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from headrace.schemas.runtime.token_bucket import Clock, Share, TokenBucket, full_share


class RateLimits:
    """The token buckets of one process."""

    def __init__(self, limits: Mapping[str, float], shares: Mapping[str, Share], clock: Clock = time.monotonic) -> None:
        self._buckets = {name: TokenBucket(rate, shares.get(name, full_share), clock) for name, rate in limits.items()}

    async def wait(self, operation: str) -> None:
        """Wait until a call of this operation, such as `rekognition.detect_labels`, is allowed."""
        bucket = self._buckets.get(operation)
        if bucket is not None:
            await asyncio.sleep(bucket.wait_seconds())
