"""From one value to the mask of all conditions that it meets, by looking up instead of trying each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from streams.rules.conditions import (
    Cidr,
    Exactly,
    IgnoringCase,
    Numeric,
    Prefix,
    Scalar,
    Suffix,
    Wildcard,
    address_of,
    is_comparable,
)
from streams.rules.intervals import Intervals
from streams.rules.substrings import Substrings
from streams.rules.texts import folded

K = TypeVar("K")
Simple = Exactly | Prefix | Suffix | IgnoringCase | Wildcard | Numeric | Cidr


class Lookup:
    """Masks of simple conditions on one path. A bit may come with one numeric condition only."""

    __slots__ = ("_blocks", "_cases", "_prefixes", "_ranges", "_suffixes", "_wildcards", "numbers", "others", "texts")

    def __init__(self, conditions: Iterable[tuple[Simple, int]]) -> None:
        kinds: defaultdict[type, list[tuple[Simple, int]]] = defaultdict(list)
        for condition, bit in conditions:
            kinds[type(condition)].append((condition, bit))
        exact = [(each.value, bit) for each, bit in kinds[Exactly] if isinstance(each, Exactly)]
        self.texts = _masks((value, bit) for value, bit in exact if isinstance(value, str))
        self.numbers = _masks(
            (value, bit)
            for value, bit in exact
            if isinstance(value, int | float) and value is not True and value is not False
        )
        self.others = _masks((value, bit) for value, bit in exact if value is None or isinstance(value, bool))
        self._prefixes = _by_length(_masks((each.text, bit) for each, bit in kinds[Prefix] if isinstance(each, Prefix)))
        self._suffixes = _by_length(_masks((each.text, bit) for each, bit in kinds[Suffix] if isinstance(each, Suffix)))
        wildcards = _masks((each.text, bit) for each, bit in kinds[Wildcard] if isinstance(each, Wildcard))
        self._wildcards = Substrings(wildcards) if wildcards else None
        cases = [(each, bit) for each, bit in kinds[IgnoringCase] if isinstance(each, IgnoringCase)]
        self._cases = _Cases(cases) if cases else None
        ranges = [(each, bit) for each, bit in kinds[Numeric] if isinstance(each, Numeric)]
        self._ranges = (
            Intervals(((each.low, each.low_open, each.high, each.high_open), bit) for each, bit in ranges)
            if ranges
            else None
        )
        self._blocks = [(each, bit) for each, bit in kinds[Cidr] if isinstance(each, Cidr)]

    @property
    def is_plain(self) -> bool:
        """Whether nothing but whole values is looked up."""
        parts = (self._prefixes, self._suffixes, self._wildcards, self._cases, self._ranges, self._blocks)
        return not any(parts)

    def text(self, value: str) -> int:
        """Give the mask for a text."""
        mask = self.texts.get(value, 0)
        for length, masks in self._prefixes:
            mask |= masks.get(value[:length], 0)
        if self._suffixes:
            end = len(value)
            for length, masks in self._suffixes:
                if length <= end:
                    mask |= masks.get(value[end - length :], 0)
        if self._wildcards is not None:
            mask |= self._wildcards.at(value)
        if self._cases is not None:
            mask |= self._cases.at(value)
        if self._blocks and address_of(value) is not None:
            for block, bit in self._blocks:
                if block.holds(value):
                    mask |= bit
        return mask

    def scalar(self, value: Scalar) -> int:
        """Give the mask for any value."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return self.others.get(value, 0)
        return self.number(value)

    def number(self, value: float) -> int:
        """Give the mask for a number."""
        mask = self.numbers.get(value, 0)
        if self._ranges is not None and is_comparable(value):
            mask |= self._ranges.at(value)
        return mask


class _Cases:
    """Masks of texts whose case does not matter. What is found by its folded form is then looked at closely."""

    __slots__ = ("_any", "_equals", "_prefixes", "_suffixes")

    def __init__(self, conditions: list[tuple[IgnoringCase, int]]) -> None:
        self._equals: defaultdict[str, list[tuple[IgnoringCase, int]]] = defaultdict(list)
        plain: dict[str, list[tuple[str, int]]] = {"prefix": [], "suffix": []}
        self._any: list[tuple[IgnoringCase, int]] = []
        for condition, bit in conditions:
            if condition.where == "equals":
                self._equals[condition.any_case.key].append((condition, bit))
            elif condition.text.isascii():
                plain[condition.where].append((condition.any_case.key, bit))
            else:
                self._any.append((condition, bit))
        self._prefixes, self._suffixes = (_by_length(_masks(plain[where])) for where in ("prefix", "suffix"))

    def at(self, value: str) -> int:
        mask = 0
        for condition, bit in (*self._equals.get(folded(value), ()), *self._any):
            if condition.holds(value):
                mask |= bit
        for length, masks in self._prefixes:
            mask |= _if_ascii(masks, value[:length])
        for length, masks in self._suffixes:
            if length <= len(value):
                mask |= _if_ascii(masks, value[len(value) - length :])
        return mask


def _if_ascii(masks: Mapping[str, int], part: str) -> int:
    return masks.get(part.lower(), 0) if part.isascii() else 0


def _masks(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    masks: defaultdict[K, int] = defaultdict(int)
    for key, bit in pairs:
        masks[key] |= bit
    return dict(masks)


def _by_length(masks: Mapping[str, int]) -> list[tuple[int, dict[str, int]]]:
    lengths: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for text, mask in masks.items():
        lengths[len(text)][text] = mask
    return sorted(lengths.items())
