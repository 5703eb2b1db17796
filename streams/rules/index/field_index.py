"""Index of all conditions on one path."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec

from headrace.streams.rules.conditions import AnythingBut, Condition, Exists, Numeric
from headrace.streams.rules.fields import scalar
from headrace.streams.rules.index.matchers import Matcher, SequentialMatcher
from headrace.streams.rules.index.value_lookup import SimpleCondition, ValueLookup

MatchKey = Hashable
"""Which conditions a value meets; equal for all values that meet the same conditions."""


class _Marker:
    """A part of a match result that equals no value of an event."""


ABSENT: Final = _Marker()
_NUMBER, _OTHER, _SEVERAL = _Marker(), _Marker(), _Marker()


class FieldIndex:
    """Index of the conditions that many clause sets have on one path.

    `text`, `number` and `value` return which conditions a value meets; `mask` converts that to the mask of the clause
    sets that are still possible: those without a condition on the path, and those with a matching alternative.
    `conditions_by_bit` has the alternatives of each clause set by its bit; `all_sets` is the mask of all clause sets.
    """

    def __init__(self, conditions_by_bit: dict[int, tuple[Condition, ...]], all_sets: int) -> None:
        self._unconstrained = all_sets
        self.condition_count = len(conditions_by_bit)
        self._always = self.negative = 0
        positive: list[tuple[SimpleCondition, int]] = []
        excluded: list[tuple[SimpleCondition, int]] = []
        evaluated: list[tuple[tuple[Condition, ...], int]] = []
        for bit, conditions in conditions_by_bit.items():
            self._unconstrained ^= bit
            if _needs_evaluation(conditions):
                evaluated.append((conditions, bit))
                conditions = tuple(each for each in conditions if isinstance(each, Exists))
            for condition in conditions:
                if isinstance(condition, Exists):
                    self._always |= bit if condition.expected else 0
                    self.negative |= 0 if condition.expected else bit
                elif isinstance(condition, AnythingBut):
                    self._always |= bit
                    excluded += ((other, bit) for other in condition.others)
                else:
                    positive.append((condition, bit))
        self._lookup, self._exclusions = ValueLookup(positive), ValueLookup(excluded)
        self._evaluated = SequentialMatcher(evaluated)
        self._prepare(bool(evaluated))
        self.absent = self._unconstrained | self.negative
        """The mask for a missing value. `negative` is the mask of the clause sets that require a missing value."""

    def _prepare(self, has_evaluated: bool) -> None:
        lookup, exclusions = self._lookup, self._exclusions
        first = [self._evaluated] if has_evaluated else []
        self._positive_text = [*first, *lookup.text_matchers]
        self._positive_number = [*first, *lookup.number_matchers]
        self._text_matchers = [*self._positive_text, *exclusions.text_matchers]
        self._number_matchers = [*self._positive_number, *exclusions.number_matchers]
        self.text: Callable[[str], MatchKey] = _combined([matcher.match for matcher in self._text_matchers])
        """Match a string."""
        number = _combined([matcher.match for matcher in self._number_matchers])
        self.number: Callable[[float], MatchKey] = lambda value: (_NUMBER, number(value))
        """Match a number."""

    def value(self, value: Any) -> MatchKey:
        """Match any value. An object counts as missing; a list matches as each of its elements."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return _OTHER, value
        if isinstance(value, int | float):
            return self.number(value)
        if isinstance(value, list | tuple):
            matched = frozenset(each for each in map(self.value, value) if each != ABSENT)
            return (_SEVERAL, matched) if matched else ABSENT
        return ABSENT if isinstance(value, dict | msgspec.Struct) else self.value(scalar(value))

    def mask(self, matched: Any) -> int:
        """Return the mask of a match result."""
        if matched == ABSENT:
            return self.absent
        kind = matched[0] if isinstance(matched, tuple) and matched else None
        if kind == _SEVERAL:
            return reduce(or_, map(self.mask, matched[1]))
        if kind == _OTHER:
            met = self._lookup.mask_of_constant(matched[1]) | self._evaluated.match(matched[1])
            excluded = self._exclusions.mask_of_constant(matched[1])
        elif kind == _NUMBER:
            met, excluded = _masks(self._number_matchers, matched[1], len(self._positive_number))
        else:
            met, excluded = _masks(self._text_matchers, matched, len(self._positive_text))
        # An exclusion does not clear bits that another alternative sets.
        always = self._always & ~excluded if excluded else self._always
        return self._unconstrained | met | always


def _masks(matchers: Sequence[Matcher], matched: Any, met: int) -> tuple[int, int]:
    """Return two masks: that of the first `met` matchers, and that of the remaining ones."""
    if len(matchers) < 2:
        mask = matchers[0].mask(matched) if matchers else 0
        return (mask, 0) if met else (0, mask)
    masks = [matcher.mask(result) for matcher, result in zip(matchers, matched, strict=True)]
    return reduce(or_, masks[:met], 0), reduce(or_, masks[met:], 0)


def _combined(matchers: Sequence[Callable[[Any], Hashable]]) -> Callable[[Any], Hashable]:
    """Combine several match functions into one."""
    if len(matchers) < 2:
        return matchers[0] if matchers else _no_match
    if len(matchers) == 2:
        one, other = matchers
        return lambda value: (one(value), other(value))
    return lambda value: tuple([match(value) for match in matchers])


def _no_match(_: Any) -> None:
    """Match without any condition."""


def _needs_evaluation(conditions: tuple[Condition, ...]) -> bool:
    """Return whether one bit cannot represent the alternatives: several intervals or several exclusions."""
    intervals = sum(isinstance(condition, Numeric) for condition in conditions)
    exclusions = sum(isinstance(condition, AnythingBut) or condition == Exists(True) for condition in conditions)
    return intervals > 1 or exclusions > 1
