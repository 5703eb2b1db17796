"""Read the values of an event by path, each with the list elements that contain it.

Lists are not part of a path: `{"a": [{"b": 1}, {"b": 2}]}` has two values at `a.b`. Each value keeps its list element,
so that two different elements cannot match a pattern over two fields of one list ("array consistency").
Events are JSON objects, or records whose attributes are the fields.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import msgspec

from headrace.streams.rules.conditions import Scalar

ListElements = tuple[tuple[int, int], ...]
"""The list elements that contain a value: pairs of the list's number in the event and the index in the list."""

FieldValue = tuple[Scalar, ListElements]
Fields = Mapping[str, list[FieldValue]]

NO_ELEMENT: ListElements = ()

Tree = dict[str, "FieldBranch"]
FieldBranch = tuple[str | None, Tree]
"""The path, if it is selected, and the selected names below it."""

_LISTS, _OBJECTS, _SCALARS = (list, tuple), (dict, msgspec.Struct), (str, int, float, bool, type(None))
_MISSING = object()


class SelectedFields:
    """Selected paths as a tree of names. A name may contain dots: `a.b` equals `b` below `a`."""

    __slots__ = ("tree",)

    def __init__(self, paths: Iterable[str]) -> None:
        known = frozenset(paths)
        nodes: defaultdict[tuple[str, ...], Tree] = defaultdict(dict)
        for steps in (tuple(path.split(".")) for path in known):
            for begin, end in combinations(range(len(steps) + 1), 2):
                path = ".".join(steps[:end])
                branch = (path if path in known else None, nodes[steps[:end]])
                nodes[steps[:begin]][".".join(steps[begin:end])] = branch
        self.tree = nodes[()]


def fields_of(event: Any, selected: SelectedFields) -> dict[str, list[FieldValue]]:
    """Return the values of an event at the selected paths."""
    reader = _EventReader()
    reader.object(event, selected.tree, NO_ELEMENT)
    return reader.values


class _EventReader:
    """Reads one event. Lists are numbered in the order in which they are read."""

    def __init__(self) -> None:
        self.values: dict[str, list[FieldValue]] = {}
        self._lists = 0

    def object(self, event: Any, tree: Tree, elements: ListElements) -> None:
        get = event.get if isinstance(event, dict) else partial(_attribute, event)
        for name, branch in tree.items():
            value = get(name, _MISSING)
            if value is not _MISSING:
                self._value(value, branch, elements)

    def _value(self, value: Any, branch: FieldBranch, elements: ListElements) -> None:
        if isinstance(value, _LISTS):
            self._list(value, branch, elements)
        elif isinstance(value, _OBJECTS):
            if branch[1]:
                self.object(value, branch[1], elements)
        elif branch[0] is not None:
            self.values.setdefault(branch[0], []).append((scalar(value), elements))

    def _list(self, values: Iterable[Any], branch: FieldBranch, elements: ListElements) -> None:
        number, self._lists = self._lists, self._lists + 1
        for index, value in enumerate(values):
            inside = (*elements, (number, index)) if isinstance(value, _LISTS + _OBJECTS) else elements
            self._value(value, branch, inside)


def _attribute(record: Any, name: str, missing: Any) -> Any:
    """Return a record's field; a field without a value counts as missing."""
    value = getattr(record, name, None) if name in record.__struct_fields__ else None
    return missing if value is None else value


def scalar(value: Any) -> Scalar:
    """Return a value in its JSON form, for example a timestamp as a string."""
    if isinstance(value, _SCALARS):
        return value
    converted: Scalar = msgspec.to_builtins(value)
    return converted
