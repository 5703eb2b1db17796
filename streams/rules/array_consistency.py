"""Which values of several fields go together: no two of them may come from different elements of one list.

A way is what was chosen so far: of each list, one element. To go on from many ways over many values takes time in
proportion to both and to what comes out of it, not to their product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headrace.streams.rules.fields import NOWHERE, Places

Bindings = set[Places]


class Elements:
    """Places of values, by the lists that they come from, the outer ones first."""

    __slots__ = ("_ends", "_lists")

    def __init__(self, all_places: Iterable[Places] = ()) -> None:
        self._ends: Places | None = None
        self._lists: dict[int, dict[int, Elements]] = {}
        for places in all_places:
            self._add(places)

    def _add(self, places: Places) -> None:
        here = self
        for number, index in places:
            here = here._lists.setdefault(number, {}).setdefault(index, Elements())
        here._ends = places

    def beside(self, chosen: Mapping[int, int]) -> Iterator[Places]:
        """Give the places at which no list has another element than the one that was chosen of it."""
        open_ = [self]
        while open_:
            here = open_.pop()
            if here._ends is not None:
                yield here._ends
            for number, elements in here._lists.items():
                index = chosen.get(number)
                if index is None:
                    open_ += elements.values()
                elif index in elements:
                    open_.append(elements[index])


def extend(before: Bindings, good: Bindings) -> Bindings:
    """Give every way on over one of the good places."""
    if before == {NOWHERE} or not good:
        return good
    if good == {NOWHERE}:
        return before
    elements = Elements(good)
    return {_joined(way, places) for way in before for places in elements.beside(dict(way))}


def exclude(before: Bindings, there: Iterable[Places]) -> Bindings:
    """Give the ways that no value is beside, so that for them there is none."""
    elements = Elements(there)
    return {way for way in before if next(elements.beside(dict(way)), None) is None}


def project(ways: Bindings, lasting: frozenset[int]) -> Bindings:
    """Give the ways without what was chosen of lists that nobody asks for any more."""
    return {tuple(pair for pair in way if pair[0] in lasting) for way in ways}


def _joined(way: Places, places: Places) -> Places:
    return tuple(sorted({*way, *places})) if way and places != way else places
