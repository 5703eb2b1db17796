"""How often a stage retries a record, and how long it waits between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from headrace.schemas.runtime.backoff import backoff_seconds


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
        return draw.uniform(0, backoff_seconds(attempt + 1, self.base_seconds, min(cap, self.cap_seconds)))


DEFAULT_RETRY = RetryPolicy()
