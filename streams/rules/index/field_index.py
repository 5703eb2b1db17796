"""All that many rules ask of one path."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from headrace.streams.rules.conditions import AnythingBut, Condition, Exists, Numeric
from headrace.streams.rules.fields import scalar
from headrace.streams.rules.index.matchers import Each, Matcher
from headrace.streams.rules.index.value_lookup import Simple, ValueLookup

MatchKey = Hashable
"""What a value was found to meet: the same for all values that meet the same."""

ABSENT = "absent"
_NUMBER, _OTHER, _SEVERAL = "number", "other", "several"


class FieldIndex:
    """Says of the values at one path what they meet, and of that, which sets of clauses it leaves possible, as a mask.

    A bit is set in the mask for a set of clauses that asks nothing of the path, and for one of whose alternatives one
    is met. `asking` is what each set asks, by its bit; `everybody` is the mask of all sets.
    """

    def __init__(self, asking: dict[int, tuple[Condition, ...]], everybody: int) -> None:
        self._free = everybody
        self.asked = len(asking)
        self._always = self.negative = 0
        finds: list[tuple[Simple, int]] = []
        excludes: list[tuple[Simple, int]] = []
        checks: list[tuple[tuple[Condition, ...], int]] = []
        for bit, conditions in asking.items():
            self._free ^= bit
            if _is_manifold(conditions):
                checks.append((conditions, bit))
                conditions = tuple(each for each in conditions if isinstance(each, Exists))
            for condition in conditions:
                if isinstance(condition, Exists):
                    self._always |= bit if condition.wanted else 0
                    self.negative |= 0 if condition.wanted else bit
                elif isinstance(condition, AnythingBut):
                    self._always |= bit
                    excludes += ((each, bit) for each in condition.others)
                else:
                    finds.append((condition, bit))
        self._finds, self._excludes, self._each = ValueLookup(finds), ValueLookup(excludes), Each(checks)
        self._ask(bool(checks))
        self.absent = self._free | self.negative
        """The mask where nothing stands at the path. `negative` are the sets that ask for just that."""

    def _ask(self, each: bool) -> None:
        finds, excludes = self._finds, self._excludes
        also = [self._each] if each else []
        self._met_texts, self._met_numbers = [*also, *finds.of_texts], [*also, *finds.of_numbers]
        self._of_texts = [*self._met_texts, *excludes.of_texts]
        self._of_numbers = [*self._met_numbers, *excludes.of_numbers]
        self.text: Callable[[str], MatchKey] = _asking([probe.at for probe in self._of_texts])
        """Says what a text meets."""
        number = _asking([probe.at for probe in self._of_numbers])
        self.number: Callable[[float], MatchKey] = lambda value: (_NUMBER, number(value))
        """Says what a number meets."""

    def value(self, value: Any) -> MatchKey:
        """Say what any value meets. An object is as nothing, and a list is all that is in it."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return _OTHER, value
        if isinstance(value, int | float):
            return self.number(value)
        if isinstance(value, list | tuple):
            found = frozenset(each for each in map(self.value, value) if each != ABSENT)
            return (_SEVERAL, found) if found else ABSENT
        return ABSENT if isinstance(value, dict | msgspec.Struct) else self.value(scalar(value))

    def mask(self, found: Any) -> int:
        """Give the mask of what was found."""
        if found == ABSENT:
            return self.absent
        kind = found[0] if isinstance(found, tuple) and found else None
        if kind == _SEVERAL:
            return reduce(or_, map(self.mask, found[1]))
        if kind == _OTHER:
            met = self._finds.other(found[1]) | self._each.at(found[1])
            excluded = self._excludes.other(found[1])
        elif kind == _NUMBER:
            met, excluded = _masks(self._of_numbers, found[1], len(self._met_numbers))
        else:
            met, excluded = _masks(self._of_texts, found, len(self._met_texts))
        # An exclusion takes away what holds otherwise, but never what the value meets by another alternative.
        always = self._always & ~excluded if excluded else self._always
        return self._free | met | always


def _masks(probes: Sequence[Matcher], found: Any, met: int) -> tuple[int, int]:
    """Give what was found as two masks: that of the first few probes, and that of the others."""
    if len(probes) < 2:
        mask = probes[0].mask(found) if probes else 0
        return (mask, 0) if met else (0, mask)
    masks = [probe.mask(each) for probe, each in zip(probes, found, strict=True)]
    return reduce(or_, masks[:met], 0), reduce(or_, masks[met:], 0)


def _asking(probes: Sequence[Callable[[Any], Hashable]]) -> Callable[[Any], Hashable]:
    """Make one question of several."""
    if len(probes) < 2:
        return probes[0] if probes else _nothing
    if len(probes) == 2:
        one, other = probes
        return lambda value: (one(value), other(value))
    return lambda value: tuple([probe(value) for probe in probes])


def _nothing(_: Any) -> None:
    """Say that nothing is asked."""


def _is_manifold(conditions: tuple[Condition, ...]) -> bool:
    """Whether a set asks what bits cannot tell apart: that one exclusion or one interval fails is no answer yet."""
    several = sum(isinstance(each, Numeric) for each in conditions)
    exclusions = sum(isinstance(each, AnythingBut) or each == Exists(True) for each in conditions)
    return several > 1 or exclusions > 1
