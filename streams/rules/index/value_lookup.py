"""What one value meets of all simple conditions on a path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from headrace.streams.rules.conditions import Cidr, Exactly, IgnoringCase, Numeric, Prefix, Scalar, Suffix, Wildcard
from headrace.streams.rules.index.interval_index import IntervalIndex
from headrace.streams.rules.index.matchers import AnyCases, Blocks, Ends, Matcher, Whole, joined
from headrace.streams.rules.index.wildcard_index import WildcardIndex

Simple = Exactly | Prefix | Suffix | IgnoringCase | Wildcard | Numeric | Cidr
MatcherKinds = defaultdict[type, list[tuple[Any, int]]]


class ValueLookup:
    """Probes of simple conditions, each with its bit: those that ask a text, and those that ask a number.

    A bit may come with one numeric condition only.
    """

    __slots__ = ("_others", "of_numbers", "of_texts")

    def __init__(self, conditions: Iterable[tuple[Simple, int]]) -> None:
        kinds: MatcherKinds = defaultdict(list)
        for condition, bit in conditions:
            kinds[type(condition)].append((condition, bit))
        exact = [(each.value, bit) for each, bit in kinds[Exactly]]
        self._others: dict[Scalar, int] = joined(
            (value, bit) for value, bit in exact if value is None or isinstance(value, bool)
        )
        self.of_texts: list[Matcher] = list(_of_texts(kinds))
        self.of_numbers: list[Matcher] = list(_of_numbers(kinds))

    def other(self, value: Scalar) -> int:
        """Give the mask of true, false or null."""
        return self._others.get(value, 0)


def _of_texts(kinds: MatcherKinds) -> Iterator[Matcher]:
    texts = joined((each.value, bit) for each, bit in kinds[Exactly] if isinstance(each.value, str))
    if texts:
        yield Whole(texts)
    for kind in (Prefix, Suffix):
        if kinds[kind]:
            yield Ends(joined((each.text, bit) for each, bit in kinds[kind]), backward=kind is Suffix)
    if kinds[Wildcard]:
        yield WildcardIndex(joined((each.text, bit) for each, bit in kinds[Wildcard]))
    if kinds[IgnoringCase]:
        yield AnyCases(kinds[IgnoringCase])
    if kinds[Cidr]:
        yield Blocks(kinds[Cidr])


def _of_numbers(kinds: MatcherKinds) -> Iterator[Matcher]:
    numbers = joined((each.value, bit) for each, bit in kinds[Exactly] if type(each.value) in (int, float))
    if numbers:
        yield Whole(numbers)
    if kinds[Numeric]:
        ranges = (((each.low, each.low_open, each.high, each.high_open), bit) for each, bit in kinds[Numeric])
        yield IntervalIndex(ranges)
