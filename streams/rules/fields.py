"""What stands at a path of an event: values, and for each the places in lists of objects that it comes from.

Lists leave no trace in a path: `{"a": [{"b": 1}, {"b": 2}]}` has two values at `a.b`, and each remembers its element,
so that a pattern over two fields of one list cannot be met by two different elements ("array consistency").
Events are JSON objects, or records whose attributes stand for fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from streams.rules.conditions import Scalar

Places = tuple[tuple[int, int], ...]
"""Which element of which list: pairs of the list's number in the event and the element's in the list."""

Value = tuple[Scalar, Places]
Fields = Mapping[str, list[Value]]

NOWHERE: Places = ()


class Wanted:
    """The paths that somebody asks for, and every path that leads to one."""

    __slots__ = ("ancestors", "paths")

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        self.ancestors = frozenset(_ancestors(self.paths))


def fields_of(event: Any, wanted: Wanted) -> dict[str, list[Value]]:
    """Give the values of an event at the wanted paths."""
    reading = _Reading(wanted)
    reading.object(event, "", NOWHERE)
    return reading.found


class _Reading:
    """One reading of one event. Lists are numbered as they come."""

    def __init__(self, wanted: Wanted) -> None:
        self.found: dict[str, list[Value]] = {}
        self._wanted = wanted
        self._lists = 0

    def object(self, event: Any, before: str, places: Places) -> None:
        for name, value in _items(event):
            path = f"{before}{name}"
            if path in self._wanted.paths or path in self._wanted.ancestors:
                self._value(value, path, places)

    def _value(self, value: Any, path: str, places: Places) -> None:
        if isinstance(value, list | tuple):
            self._list(value, path, places)
        elif isinstance(value, dict | msgspec.Struct):
            if path in self._wanted.ancestors:
                self.object(value, f"{path}.", places)
        elif path in self._wanted.paths:
            self.found.setdefault(path, []).append((scalar(value), places))

    def _list(self, values: list[Any] | tuple[Any, ...], path: str, places: Places) -> None:
        number, self._lists = self._lists, self._lists + 1
        for index, value in enumerate(values):
            is_whole = not isinstance(value, list | tuple | dict | msgspec.Struct)
            self._value(value, path, places if is_whole else (*places, (number, index)))


def scalar(value: Any) -> Scalar:
    """Give a value as JSON has it: a moment, for one, is a text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    found: Scalar = msgspec.to_builtins(value)
    return found


def _items(event: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(event, dict):
        yield from event.items()
    else:
        for name in event.__struct_fields__:
            value = getattr(event, name)
            if value is not None:  # a record's fields are all there; one without a value is one that is missing
                yield name, value


def _ancestors(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        steps = path.split(".")
        for length in range(1, len(steps)):
            yield ".".join(steps[:length])
