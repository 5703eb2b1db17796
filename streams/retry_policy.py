"""How often a stage retries a record, and how long it waits between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts before a record is dead-lettered, and the base and upper bound of the wait in seconds."""

    max_attempts: int = 8
    base_seconds: float = 0.25
    cap_seconds: float = 300.0

    def delay(self, attempt: int, draw: random.Random, cap: float = float("inf")) -> float:
        """Return the seconds to wait after an attempt: full jitter below a doubling bound, at most `cap`.

        Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
        """
        return draw.uniform(0, min(cap, self.cap_seconds, self.base_seconds * 2 ** min(attempt, 30)))


DEFAULT_RETRY = RetryPolicy()
