"""Exponential back-off."""

from __future__ import annotations


def backoff_seconds(failures: int, base: float, maximum: float) -> float:
    """Return the seconds to wait after `failures` in a row: `base` after the first, doubled after each further one."""
    return min(maximum, base * 2.0 ** min(failures - 1, 30))
