"""Which of many intervals a number lies in, found in the time of one binary search."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from operator import xor

from headrace.streams.rules.conditions import EXACT, is_comparable

Interval = tuple[float, bool, float, bool]
"""Lower bound, whether it is left out, upper bound, whether that is left out. Both may be infinite."""


class IntervalIndex:
    """The line of numbers, cut at every bound: a gap, a bound, a gap, and so on.

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

    def at(self, number: float) -> int | None:
        """Say in which gap or on which bound a number lies; None for one that cannot be compared."""
        if -EXACT <= number <= EXACT or is_comparable(number):
            return bisect_left(self._bounds, number) + bisect_right(self._bounds, number)
        return None

    def mask(self, found: int | None) -> int:
        """Give the mask of all intervals that a number lies in."""
        return 0 if found is None else self._masks[found]
