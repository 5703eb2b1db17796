"""What one value meets of many conditions, by looking up instead of trying each.

A probe asks one kind of question. What it finds is small and hashable, and the same for all values that meet the same;
`mask` makes a mask of it. So what was found can be a key, and masks, which are as long as there are rules, are joined
only for what was not found before.
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
    """One question to a text, or to a number."""

    @property
    def at(self) -> Callable[[Any], Hashable]:
        """Say what a value meets."""

    def mask(self, found: Any) -> int:
        """Give the mask of what was found."""


class ByMask:
    """A probe that finds the mask itself."""

    __slots__ = ()

    def mask(self, found: int) -> int:
        """Give back the mask."""
        return found


class Whole:
    """Values as they are. What is found is the value that was asked for itself."""

    __slots__ = ("_masks", "at")

    def __init__(self, masks: Mapping[Any, int]) -> None:
        self._masks = masks
        self.at: Callable[[Any], Hashable] = {value: value for value in masks}.get

    def mask(self, found: Any) -> int:
        """Give the mask of the value that was found."""
        return 0 if found is None else self._masks[found]


class Ends:
    """How texts begin, or where `backward` how they end. Of those that are met the longest one stands for all."""

    __slots__ = ("_above", "_masks", "_texts", "at")

    def __init__(self, masks: Mapping[str, int], backward: bool) -> None:
        turned = {text[::-1] if backward else text: mask for text, mask in masks.items()}
        self._texts = sorted(turned)
        self._above: list[int] = []
        self._masks = turned
        for number, text in enumerate(self._texts):
            above = self._longest(text, number - 1)
            self._above.append(above)
            if above >= 0:
                self._masks[text] |= self._masks[self._texts[above]]
        self.at = _at_once(turned, backward) or (self._back if backward else self._front)

    def mask(self, found: str | None) -> int:
        """Give the mask of the longest one and of all with which that begins."""
        return 0 if found is None else self._masks[found]

    def _front(self, value: str) -> str | None:
        at = self._longest(value, bisect_right(self._texts, value) - 1)
        return None if at < 0 else self._texts[at]

    def _back(self, value: str) -> str | None:
        return self._front(value[::-1])

    def _longest(self, value: str, at: int) -> int:
        """Find the longest that a text begins with: the last one not after the text, or one that that begins with."""
        while at >= 0 and not value.startswith(self._texts[at]):
            at = self._above[at]
        return at


def _at_once(turned: Mapping[str, int], backward: bool) -> Callable[[str], str | None] | None:
    """Find texts of one length by one look; None where they have several."""
    lengths = {len(text) for text in turned}
    if len(lengths) != 1 or lengths == {0}:
        return None
    [length] = lengths
    if backward:
        back = {text[::-1]: text for text in turned}.get
        return lambda value: back(value[-length:])
    front = {text: text for text in turned}.get
    return lambda value: front(value[:length])


class AnyCases(ByMask):
    """Texts whose case does not matter. What is found by its folded form is then looked at closely."""

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
        self._prefixes, self._suffixes = (_by_length(joined(plain[where])) for where in ("prefix", "suffix"))

    def at(self, value: str) -> int:
        """Give the mask of all that a text meets."""
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


class Blocks(ByMask):
    """Blocks of IP addresses. What is no address is looked at once."""

    __slots__ = ("_blocks",)

    def __init__(self, blocks: list[tuple[Cidr, int]]) -> None:
        self._blocks = blocks

    def at(self, value: str) -> int:
        """Give the mask of all blocks that a text is an address of."""
        mask = 0
        if address_of(value) is not None:
            for block, bit in self._blocks:
                if block.holds(value):
                    mask |= bit
        return mask


class Each(ByMask):
    """Alternatives of one set that must be tried one after the other."""

    __slots__ = ("_several",)

    def __init__(self, several: list[tuple[tuple[Condition, ...], int]]) -> None:
        self._several = several

    def at(self, value: Any) -> int:
        """Give the mask of the sets of which one alternative holds."""
        mask = 0
        for conditions, bit in self._several:
            if any(condition.holds(value) for condition in conditions):
                mask |= bit
        return mask


def _if_ascii(masks: Mapping[str, int], part: str) -> int:
    return masks.get(part.lower(), 0) if part.isascii() else 0


def joined(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Join the masks that come with one key."""
    masks: defaultdict[K, int] = defaultdict(int)
    for key, bit in pairs:
        masks[key] |= bit
    return dict(masks)


def _by_length(masks: Mapping[str, int]) -> list[tuple[int, dict[str, int]]]:
    lengths: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for text, mask in masks.items():
        lengths[len(text)][text] = mask
    return sorted(lengths.items())
