"""Find the intervals that contain a number with one binary search."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from operator import xor

from headrace.streams.rules.conditions import EXACT, is_comparable

Interval = tuple[float, bool, float, bool]
"""Lower bound, whether it is excluded, upper bound, whether it is excluded. Bounds may be infinite."""


class IntervalIndex:
    """Number line split at every bound into alternating gaps and bounds.

    Intervals with the same bit must not overlap.
    """

    __slots__ = ("_bounds", "_masks")

    def __init__(self, intervals: Iterable[tuple[Interval, int]]) -> None:
        pairs = list(intervals)
        ends = {end for (low, _, high, _), _ in pairs for end in (low, high) if not math.isinf(end)}
        self._bounds = sorted(ends)
        positions = {bound: 2 * number + 1 for number, bound in enumerate(self._bounds)}
        changes = [0] * (2 * len(self._bounds) + 2)
        for (low, low_open, high, high_open), bit in pairs:
            first = 0 if math.isinf(low) else positions[low] + low_open
            last = 2 * len(self._bounds) if math.isinf(high) else positions[high] - high_open
            changes[first] ^= bit
            changes[last + 1] ^= bit
        self._masks: list[int] = list(accumulate(changes, xor))

    def match(self, number: float) -> int | None:
        """Return the position of the number's gap or bound; None for a number that cannot be compared."""
        if -EXACT <= number <= EXACT or is_comparable(number):
            return bisect_left(self._bounds, number) + bisect_right(self._bounds, number)
        return None

    def mask(self, position: int | None) -> int:
        """Return the mask of all intervals that contain the position."""
        return 0 if position is None else self._masks[position]
