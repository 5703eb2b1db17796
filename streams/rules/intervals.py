"""Which of many intervals a number lies in, found in the time of one binary search."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from operator import xor

Interval = tuple[float, bool, float, bool]
"""Lower bound, whether it is left out, upper bound, whether that is left out. Both may be infinite."""


class Intervals:
    """Masks of intervals over the line of numbers, cut at every bound: a gap, a bound, a gap, and so on.

    No bit may come with two intervals that overlap.
    """

    __slots__ = ("_bounds", "_masks")

    def __init__(self, intervals: Iterable[tuple[Interval, int]]) -> None:
        known = list(intervals)
        ends = {end for (low, _, high, _), _ in known for end in (low, high) if not math.isinf(end)}
        self._bounds = sorted(ends)
        place = {bound: 2 * number + 1 for number, bound in enumerate(self._bounds)}
        changes = [0] * (2 * len(self._bounds) + 2)
        for (low, low_open, high, high_open), bit in known:
            first = 0 if math.isinf(low) else place[low] + low_open
            last = 2 * len(self._bounds) if math.isinf(high) else place[high] - high_open
            changes[first] ^= bit
            changes[last + 1] ^= bit
        self._masks: list[int] = list(accumulate(changes, xor))

    def at(self, number: float) -> int:
        """Give the mask of all intervals that a number lies in."""
        found = bisect_left(self._bounds, number)
        on_a_bound = found < len(self._bounds) and self._bounds[found] == number
        return self._masks[2 * found + on_a_bound]
