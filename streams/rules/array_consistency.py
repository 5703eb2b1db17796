"""Array consistency: values of several fields match together only if they use one element of each list.

A binding is the element chosen from each list so far. Extending many bindings by many values takes time proportional
to both and to the result, not to their product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headrace.streams.rules.fields import NO_ELEMENT, ListElements

Bindings = set[ListElements]


class ElementTree:
    """List elements of many values as a tree, outer lists first."""

    __slots__ = ("_leaf", "_lists")

    def __init__(self, values: Iterable[ListElements] = ()) -> None:
        self._leaf: ListElements | None = None
        self._lists: dict[int, dict[int, ElementTree]] = {}
        for elements in values:
            self._add(elements)

    def _add(self, elements: ListElements) -> None:
        node = self
        for number, index in elements:
            node = node._lists.setdefault(number, {}).setdefault(index, ElementTree())
        node._leaf = elements

    def consistent_with(self, chosen: Mapping[int, int]) -> Iterator[ListElements]:
        """Yield the entries that use no other element of a list than the chosen one."""
        open_ = [self]
        while open_:
            node = open_.pop()
            if node._leaf is not None:
                yield node._leaf
            for number, elements in node._lists.items():
                index = chosen.get(number)
                if index is None:
                    open_ += elements.values()
                elif index in elements:
                    open_.append(elements[index])


def extend(before: Bindings, matching: Bindings) -> Bindings:
    """Extend each binding by every matching entry that is consistent with it."""
    if before == {NO_ELEMENT} or not matching:
        return matching
    if matching == {NO_ELEMENT}:
        return before
    tree = ElementTree(matching)
    return {_joined(binding, elements) for binding in before for elements in tree.consistent_with(dict(binding))}


def exclude(before: Bindings, present: Iterable[ListElements]) -> Bindings:
    """Keep the bindings with which no present value is consistent."""
    tree = ElementTree(present)
    return {binding for binding in before if next(tree.consistent_with(dict(binding)), None) is None}


def project(bindings: Bindings, lists: frozenset[int]) -> Bindings:
    """Reduce each binding to the given lists."""
    return {tuple(pair for pair in binding if pair[0] in lists) for binding in bindings}


def _joined(binding: ListElements, elements: ListElements) -> ListElements:
    return tuple(sorted({*binding, *elements})) if binding and elements != binding else elements
