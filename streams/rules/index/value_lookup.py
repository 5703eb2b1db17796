"""Find the simple conditions on a path that a value meets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from headrace.streams.rules.conditions import Cidr, Exactly, IgnoringCase, Numeric, Prefix, Scalar, Suffix, Wildcard
from headrace.streams.rules.index.interval_index import IntervalIndex
from headrace.streams.rules.index.matchers import (
    AffixMatcher,
    CaseInsensitiveMatcher,
    CidrMatcher,
    ExactMatcher,
    Matcher,
    merge_masks,
)
from headrace.streams.rules.index.wildcard_index import WildcardIndex

SimpleCondition = Exactly | Prefix | Suffix | IgnoringCase | Wildcard | Numeric | Cidr
MatcherKinds = defaultdict[type, list[tuple[Any, int]]]


class ValueLookup:
    """Matchers of simple conditions for strings and for numbers. Each condition has a bit.

    A bit has at most one numeric condition.
    """

    __slots__ = ("_constants", "number_matchers", "text_matchers")

    def __init__(self, conditions: Iterable[tuple[SimpleCondition, int]]) -> None:
        kinds: MatcherKinds = defaultdict(list)
        for condition, bit in conditions:
            kinds[type(condition)].append((condition, bit))
        exact = [(each.value, bit) for each, bit in kinds[Exactly]]
        self._constants: dict[Scalar, int] = merge_masks(
            (value, bit) for value, bit in exact if value is None or isinstance(value, bool)
        )
        self.text_matchers: list[Matcher] = list(_text_matchers(kinds))
        self.number_matchers: list[Matcher] = list(_number_matchers(kinds))

    def mask_of_constant(self, value: Scalar) -> int:
        """Return the mask of true, false or null."""
        return self._constants.get(value, 0)


def _text_matchers(kinds: MatcherKinds) -> Iterator[Matcher]:
    texts = merge_masks((each.value, bit) for each, bit in kinds[Exactly] if isinstance(each.value, str))
    if texts:
        yield ExactMatcher(texts)
    for kind in (Prefix, Suffix):
        if kinds[kind]:
            yield AffixMatcher(merge_masks((each.text, bit) for each, bit in kinds[kind]), backward=kind is Suffix)
    if kinds[Wildcard]:
        yield WildcardIndex(merge_masks((each.text, bit) for each, bit in kinds[Wildcard]))
    if kinds[IgnoringCase]:
        yield CaseInsensitiveMatcher(kinds[IgnoringCase])
    if kinds[Cidr]:
        yield CidrMatcher(kinds[Cidr])


def _number_matchers(kinds: MatcherKinds) -> Iterator[Matcher]:
    numbers = merge_masks((each.value, bit) for each, bit in kinds[Exactly] if type(each.value) in (int, float))
    if numbers:
        yield ExactMatcher(numbers)
    if kinds[Numeric]:
        ranges = (((each.low, each.low_open, each.high, each.high_open), bit) for each, bit in kinds[Numeric])
        yield IntervalIndex(ranges)
