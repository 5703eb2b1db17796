"""What stands at a path of an event: values, and for each the places in lists of objects that it comes from.

Lists leave no trace in a path: `{"a": [{"b": 1}, {"b": 2}]}` has two values at `a.b`, and each remembers its element,
so that a pattern over two fields of one list cannot be met by two different elements ("array consistency").
Events are JSON objects, or records whose attributes stand for fields.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import msgspec

from headrace.streams.rules.conditions import Scalar

Places = tuple[tuple[int, int], ...]
"""Which element of which list: pairs of the list's number in the event and the element's in the list."""

FieldValue = tuple[Scalar, Places]
Fields = Mapping[str, list[FieldValue]]

NOWHERE: Places = ()


Tree = dict[str, "FieldBranch"]
FieldBranch = tuple[str | None, Tree]
"""What a name leads to: the path, if somebody asks for it, and what is asked for below."""

_LISTS, _OBJECTS, _SCALARS = (list, tuple), (dict, msgspec.Struct), (str, int, float, bool, type(None))
_MISSING = object()


class WantedFields:
    """The paths that somebody asks for, as a tree of names. A name may have dots in it: `a.b` is `b` below `a`."""

    __slots__ = ("tree",)

    def __init__(self, paths: Iterable[str]) -> None:
        known = frozenset(paths)
        nodes: defaultdict[tuple[str, ...], Tree] = defaultdict(dict)
        for steps in (tuple(path.split(".")) for path in known):
            for begin, end in combinations(range(len(steps) + 1), 2):
                here = ".".join(steps[:end])
                branch = (here if here in known else None, nodes[steps[:end]])
                nodes[steps[:begin]][".".join(steps[begin:end])] = branch
        self.tree = nodes[()]


def fields_of(event: Any, wanted: WantedFields) -> dict[str, list[FieldValue]]:
    """Give the values of an event at the wanted paths."""
    reading = _Reading()
    reading.object(event, wanted.tree, NOWHERE)
    return reading.found


class _Reading:
    """One reading of one event. Lists are numbered as they come."""

    def __init__(self) -> None:
        self.found: dict[str, list[FieldValue]] = {}
        self._lists = 0

    def object(self, event: Any, tree: Tree, places: Places) -> None:
        get = event.get if isinstance(event, dict) else partial(_attribute, event)
        for name, branch in tree.items():
            value = get(name, _MISSING)
            if value is not _MISSING:
                self._value(value, branch, places)

    def _value(self, value: Any, branch: FieldBranch, places: Places) -> None:
        if isinstance(value, _LISTS):
            self._list(value, branch, places)
        elif isinstance(value, _OBJECTS):
            if branch[1]:
                self.object(value, branch[1], places)
        elif branch[0] is not None:
            self.found.setdefault(branch[0], []).append((scalar(value), places))

    def _list(self, values: Iterable[Any], branch: FieldBranch, places: Places) -> None:
        number, self._lists = self._lists, self._lists + 1
        for index, value in enumerate(values):
            inside = (*places, (number, index)) if isinstance(value, _LISTS + _OBJECTS) else places
            self._value(value, branch, inside)


def _attribute(record: Any, name: str, missing: Any) -> Any:
    """Give a record's field; its fields are all there, so one without a value is one that is missing."""
    value = getattr(record, name, None) if name in record.__struct_fields__ else None
    return missing if value is None else value


def scalar(value: Any) -> Scalar:
    """Give a value as JSON has it: a moment, for one, is a text."""
    if isinstance(value, _SCALARS):
        return value
    found: Scalar = msgspec.to_builtins(value)
    return found
