"""Many patterns at once: the time that an event takes depends on it and on the paths, not on how many rules there are.

For each path a column gives the mask of what the value there leaves possible; their conjunction is what matches. Fields
that no rule asks for are not looked at. Where a list of objects lies on a path, or a field's name has a dot in it, the
masks only choose candidates, and each is then checked by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import and_
from typing import Any

from streams.rules.column import Column
from streams.rules.fields import Wanted, fields_of
from streams.rules.parse import Clause
from streams.rules.pattern import Pattern, holds

FEW = 8
_MISSING = object()


class _Tangled(Exception):
    """The event has lists of objects, or dots in names, where rules look."""


class _Node:
    """One step of the paths that are asked for: the column that ends here, and what lies below."""

    __slots__ = ("absent", "column", "dotted", "steps")

    def __init__(self) -> None:
        self.column: Column | None = None
        self.steps: dict[str, _Node] = {}
        self.dotted: frozenset[str] = frozenset()
        """Names with a dot that would lead below here as well."""
        self.absent = -1
        """The mask of everything from here on where nothing is there."""


class Index:
    """Patterns by name, compiled. It is never changed: for other patterns there is another."""

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._sets: list[tuple[str, list[Clause]]] = [
            (name, clauses) for name, pattern in patterns.items() for clauses in pattern.sets
        ]
        self._all = (1 << len(self._sets)) - 1
        self._columns = _columns([clauses for _, clauses in self._sets], self._all)
        self._wanted = Wanted(self._columns)
        self._root = _tree(self._columns)

    def match(self, event: Mapping[str, Any]) -> list[str]:
        """Name every pattern that an event, a JSON object, matches, in the order in which they were given."""
        try:
            mask = _walk(self._root, event, self._all)
        except _Tangled:
            return self._match_tangled(event)
        return list(dict.fromkeys(self._sets[number][0] for number in _bits(mask))) if mask else []

    def _match_tangled(self, event: Mapping[str, Any]) -> list[str]:
        fields = fields_of(event, self._wanted)
        mask = self._all
        for path, column in self._columns.items():
            found = fields.get(path)
            if found is None:
                mask &= column.absent
            elif any(places for _, places in found):
                mask &= column.any_of([value for value, _ in found]) | column.unless_there
            else:
                mask &= column.any_of([value for value, _ in found])
            if not mask:
                return []
        sets = (self._sets[number] for number in _bits(mask))
        return list(dict.fromkeys(name for name, clauses in sets if holds(clauses, fields)))


def _columns(sets: list[list[Clause]], everybody: int) -> dict[str, Column]:
    asking: dict[str, dict[int, tuple[Any, ...]]] = {}
    for number, clauses in enumerate(sets):
        for clause in clauses:
            asking.setdefault(clause.path, {})[1 << number] = clause.alternatives
    return {path: Column(asked, everybody) for path, asked in asking.items()}


def _tree(columns: Mapping[str, Column]) -> _Node:
    root = _Node()
    for path, column in columns.items():
        node = root
        for step in path.split("."):
            node = node.steps.setdefault(step, _Node())
        node.column = column
    _finish(root)
    return root


def _finish(node: _Node) -> list[str]:
    """Fill in what a node knows of what lies below it; give the paths to all of that."""
    masks = [] if node.column is None else [node.column.absent]
    below = []
    for step, child in node.steps.items():
        beyond = _finish(child)
        below += [step, *(f"{step}.{path}" for path in beyond)]
        masks.append(child.absent)
    node.absent = reduce(and_, masks, -1)
    node.dotted = frozenset(path for path in below if "." in path)
    return below


def _walk(node: _Node, event: Mapping[str, Any], mask: int) -> int:
    """Narrow down a mask by all that an object has below a node."""
    if node.dotted and not event.keys().isdisjoint(node.dotted):
        raise _Tangled
    for step, child in node.steps.items():
        value = event.get(step, _MISSING)
        kind = type(value)
        if kind is str and child.column is not None:
            mask &= child.column.text(value)
            if child.steps:
                mask &= _below(child)
        elif kind is dict:
            if child.column is not None:
                mask &= child.column.absent
            mask = _walk(child, value, mask)
        elif value is _MISSING:
            mask &= child.absent
        elif (kind is int or kind is float) and child.column is not None and not child.steps:
            mask &= child.column.number(value)
        else:
            mask &= _values(child, value)
        if not mask:
            return 0
    return mask


def _values(node: _Node, value: Any) -> int:
    """Give the mask of what is neither an object nor a plain text: a list, a number, true, false, null."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict | list) for each in values):
        raise _Tangled
    return (node.column.any_of(values) if node.column is not None else -1) & _below(node)


def _below(node: _Node) -> int:
    """Give the mask of what lies below a node that has nothing below it."""
    return reduce(and_, (child.absent for child in node.steps.values()), -1)


def _bits(mask: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, from the lowest on."""
    if mask.bit_count() > FEW:
        text = bin(mask)[:1:-1]
        found = text.find("1")
        while found >= 0:
            yield found
            found = text.find("1", found + 1)
        return
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
