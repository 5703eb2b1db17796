"""Find the conditions that a value meets by lookup instead of evaluating each condition.

A matcher covers one kind of condition. `match` returns a small hashable result that is equal for all values that meet
the same conditions, and `mask` converts it to a mask. The results serve as cache keys, so that masks, whose length
grows with the number of rules, are combined only for new results.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from headrace.streams.rules.conditions import Cidr, Condition, IgnoringCase, address_of
from headrace.streams.rules.text_matching import folded

K = TypeVar("K", bound=Hashable)


class Matcher(Protocol):
    """Lookup of one kind of condition for strings or numbers."""

    @property
    def match(self) -> Callable[[Any], Hashable]:
        """Return what a value matches."""

    def mask(self, matched: Any) -> int:
        """Return the mask of a result of `match`."""


class MaskMatcher:
    """A matcher whose result is the mask itself."""

    __slots__ = ()

    def mask(self, matched: int) -> int:
        """Return the mask unchanged."""
        return matched


class ExactMatcher:
    """Matches equal values. The result is the value of the condition."""

    __slots__ = ("_masks", "match")

    def __init__(self, masks: Mapping[Any, int]) -> None:
        self._masks = masks
        self.match: Callable[[Any], Hashable] = {value: value for value in masks}.get

    def mask(self, matched: Any) -> int:
        """Return the mask of the matched value."""
        return 0 if matched is None else self._masks[matched]


class AffixMatcher:
    """Matches prefixes, or suffixes if `backward`. The result is the longest match, which implies the shorter ones."""

    __slots__ = ("_masks", "_shorter", "_texts", "match")

    def __init__(self, masks: Mapping[str, int], backward: bool) -> None:
        by_text = {text[::-1] if backward else text: mask for text, mask in masks.items()}
        self._texts = sorted(by_text)
        self._shorter: list[int] = []
        self._masks = by_text
        for number, text in enumerate(self._texts):
            shorter = self._longest_affix(text, number - 1)
            self._shorter.append(shorter)
            if shorter >= 0:
                self._masks[text] |= self._masks[self._texts[shorter]]
        any_length = self._match_suffix if backward else self._match_prefix
        self.match = _fixed_length_lookup(by_text, backward) or any_length

    def mask(self, matched: str | None) -> int:
        """Return the mask of the longest match and of its own prefixes."""
        return 0 if matched is None else self._masks[matched]

    def _match_prefix(self, value: str) -> str | None:
        at = self._longest_affix(value, bisect_right(self._texts, value) - 1)
        return None if at < 0 else self._texts[at]

    def _match_suffix(self, value: str) -> str | None:
        return self._match_prefix(value[::-1])

    def _longest_affix(self, value: str, at: int) -> int:
        """Return the index of the longest prefix of a value, starting at the last text not greater than the value."""
        while at >= 0 and not value.startswith(self._texts[at]):
            at = self._shorter[at]
        return at


def _fixed_length_lookup(by_text: Mapping[str, int], backward: bool) -> Callable[[str], str | None] | None:
    """Return a dictionary lookup if all texts have the same length, else None."""
    lengths = {len(text) for text in by_text}
    if len(lengths) != 1 or lengths == {0}:
        return None
    [length] = lengths
    if backward:
        back = {text[::-1]: text for text in by_text}.get
        return lambda value: back(value[-length:])
    front = {text: text for text in by_text}.get
    return lambda value: front(value[:length])


class CaseInsensitiveMatcher(MaskMatcher):
    """Matches without regard to case. Candidates found by their folded form are then checked exactly."""

    __slots__ = ("_equals", "_non_ascii", "_prefixes", "_suffixes")

    def __init__(self, conditions: list[tuple[IgnoringCase, int]]) -> None:
        self._equals: defaultdict[str, list[tuple[IgnoringCase, int]]] = defaultdict(list)
        plain: dict[str, list[tuple[str, int]]] = {"prefix": [], "suffix": []}
        self._non_ascii: list[tuple[IgnoringCase, int]] = []
        for condition, bit in conditions:
            if condition.where == "equals":
                self._equals[condition.any_case.key].append((condition, bit))
            elif condition.text.isascii():
                plain[condition.where].append((condition.any_case.key, bit))
            else:
                self._non_ascii.append((condition, bit))
        self._prefixes, self._suffixes = (_by_length(merge_masks(plain[where])) for where in ("prefix", "suffix"))

    def match(self, value: str) -> int:
        """Return the mask of all conditions that a string meets."""
        mask = 0
        for condition, bit in (*self._equals.get(folded(value), ()), *self._non_ascii):
            if condition.holds(value):
                mask |= bit
        for length, masks in self._prefixes:
            mask |= _if_ascii(masks, value[:length])
        for length, masks in self._suffixes:
            if length <= len(value):
                mask |= _if_ascii(masks, value[len(value) - length :])
        return mask


class CidrMatcher(MaskMatcher):
    """Matches CIDR blocks. A string that is not an IP address is parsed once."""

    __slots__ = ("_blocks",)

    def __init__(self, blocks: list[tuple[Cidr, int]]) -> None:
        self._blocks = blocks

    def match(self, value: str) -> int:
        """Return the mask of all blocks that contain an address."""
        mask = 0
        if address_of(value) is not None:
            for block, bit in self._blocks:
                if block.holds(value):
                    mask |= bit
        return mask


class SequentialMatcher(MaskMatcher):
    """Evaluates the alternatives of a clause one after the other."""

    __slots__ = ("_condition_sets",)

    def __init__(self, condition_sets: list[tuple[tuple[Condition, ...], int]]) -> None:
        self._condition_sets = condition_sets

    def match(self, value: Any) -> int:
        """Return the mask of the clauses of which one alternative holds."""
        mask = 0
        for conditions, bit in self._condition_sets:
            if any(condition.holds(value) for condition in conditions):
                mask |= bit
        return mask


def _if_ascii(masks: Mapping[str, int], part: str) -> int:
    return masks.get(part.lower(), 0) if part.isascii() else 0


def merge_masks(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Combine the bits of equal keys into one mask."""
    masks: defaultdict[K, int] = defaultdict(int)
    for key, bit in pairs:
        masks[key] |= bit
    return dict(masks)


def _by_length(masks: Mapping[str, int]) -> list[tuple[int, dict[str, int]]]:
    lengths: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for text, mask in masks.items():
        lengths[len(text)][text] = mask
    return sorted(lengths.items())
