"""All that many rules ask of one path."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from streams.rules.conditions import AnythingBut, Condition, Exists, Numeric, Scalar
from streams.rules.lookup import Lookup, Simple


class Column:
    """For each value at one path, the mask of the sets of clauses that it leaves possible.

    Its bit is set in the mask for a set of clauses that asks nothing of the path, and for one of whose alternatives
    one is met. `asking` is what each set asks, by its bit; `everybody` is the mask of all sets.
    """

    __slots__ = ("_always", "_checks", "_excludes", "_finds", "_free", "_is_plain", "_texts", "absent", "unless_there")

    def __init__(self, asking: dict[int, tuple[Condition, ...]], everybody: int) -> None:
        self._free = everybody
        self._always = self.unless_there = 0
        finds: list[tuple[Simple, int]] = []
        excludes: list[tuple[Simple, int]] = []
        self._checks: list[tuple[tuple[Condition, ...], int]] = []
        for bit, conditions in asking.items():
            self._free ^= bit
            if _is_manifold(conditions):
                self._checks.append((conditions, bit))
                conditions = tuple(each for each in conditions if isinstance(each, Exists))
            for condition in conditions:
                if isinstance(condition, Exists):
                    self._always |= bit if condition.wanted else 0
                    self.unless_there |= 0 if condition.wanted else bit
                elif isinstance(condition, AnythingBut):
                    self._always |= bit
                    excludes += ((each, bit) for each in condition.others)
                else:
                    finds.append((condition, bit))
        self._finds, self._excludes = Lookup(finds), Lookup(excludes)
        self._is_plain = self._finds.is_plain and self._excludes.is_plain and not self._checks
        known = (*self._finds.texts, *self._excludes.texts) if self._is_plain else ()
        self._texts: dict[Any, int] = {value: self._scalar(value) for value in known}
        self.absent = self._free | self.unless_there
        """The mask where nothing stands at the path."""

    def text(self, value: str) -> int:
        """Give the mask for a text."""
        if self._is_plain:
            mask = self._texts.get(value)
            return self._free | self._always if mask is None else mask
        return self._scalar(value)

    def number(self, value: float) -> int:
        """Give the mask for a number."""
        if self._checks:
            return self._scalar(value)
        return self._free | self._finds.number(value) | (self._always & ~self._excludes.number(value))

    def scalar(self, value: Scalar) -> int:
        """Give the mask for any value."""
        return self.text(value) if isinstance(value, str) else self._scalar(value)

    def any_of(self, values: Sequence[Scalar]) -> int:
        """Give the mask for several values at one path; none at all are as if nothing were there."""
        return reduce(or_, map(self.scalar, values)) if values else self.absent

    def _scalar(self, value: Scalar) -> int:
        # An exclusion takes away what holds otherwise, but never what the value meets by another alternative.
        mask = self._free | self._finds.scalar(value) | (self._always & ~self._excludes.scalar(value))
        for conditions, bit in self._checks:
            if any(condition.holds(value) for condition in conditions):
                mask |= bit
        return mask


def _is_manifold(conditions: tuple[Condition, ...]) -> bool:
    """Whether a set asks what bits cannot tell apart: that one exclusion or one interval fails is no answer yet."""
    several = sum(isinstance(each, Numeric) for each in conditions)
    exclusions = sum(isinstance(each, AnythingBut) or each == Exists(True) for each in conditions)
    return several > 1 or exclusions > 1
