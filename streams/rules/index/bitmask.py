"""Bitmasks in which each bit stands for one clause set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

LOOP_BELOW = 8


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the set bits in ascending order."""
    if mask.bit_count() > LOOP_BELOW:
        text = bin(mask)[:1:-1]
        position = text.find("1")
        while position >= 0:
            yield position
            position = text.find("1", position + 1)
        return
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class AllBut:
    """Intersection of all masks but a few, from a tree of precomputed intersections."""

    __slots__ = ("_size", "_tree")

    def __init__(self, masks: Sequence[int]) -> None:
        self._size = 1 << max(0, len(masks) - 1).bit_length()
        self._tree = [-1] * self._size + [*masks] + [-1] * (self._size - len(masks))
        for at in range(self._size - 1, 0, -1):
            self._tree[at] = self._tree[2 * at] & self._tree[2 * at + 1]

    def without(self, excluded: Sequence[int]) -> int:
        """Return the intersection of all masks but the excluded ones; `excluded` is sorted."""
        return self._combine(1, self._size, excluded)

    def _combine(self, at: int, size: int, excluded: Sequence[int]) -> int:
        if not excluded:
            return self._tree[at]
        if size == 1:
            return -1
        middle = (at * size - self._size) + size // 2
        low = [number for number in excluded if number < middle]
        return self._combine(2 * at, size // 2, low) & self._combine(2 * at + 1, size // 2, excluded[len(low) :])
