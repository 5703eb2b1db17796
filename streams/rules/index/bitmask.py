"""Masks: integers of which each bit stands for a set of clauses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

FEW = 8


def bits(mask: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, from the lowest on."""
    if mask.bit_count() > FEW:
        text = bin(mask)[:1:-1]
        found = text.find("1")
        while found >= 0:
            yield found
            found = text.find("1", found + 1)
        return
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class AllBut:
    """Many masks of which all but a few are joined, each time others. What whole halves have in common is there."""

    __slots__ = ("_size", "_tree")

    def __init__(self, masks: Sequence[int]) -> None:
        self._size = 1 << max(0, len(masks) - 1).bit_length()
        self._tree = [-1] * self._size + [*masks] + [-1] * (self._size - len(masks))
        for at in range(self._size - 1, 0, -1):
            self._tree[at] = self._tree[2 * at] & self._tree[2 * at + 1]

    def without(self, left_out: Sequence[int]) -> int:
        """Give what is common to all masks but those at some places, which are sorted."""
        return self._joined(1, self._size, left_out)

    def _joined(self, at: int, size: int, left_out: Sequence[int]) -> int:
        if not left_out:
            return self._tree[at]
        if size == 1:
            return -1
        middle = (at * size - self._size) + size // 2
        low = [each for each in left_out if each < middle]
        return self._joined(2 * at, size // 2, low) & self._joined(2 * at + 1, size // 2, left_out[len(low) :])
