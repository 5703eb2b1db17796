"""Evaluate queries: paths with wildcards, slices, filters, `..`, several names or indices, and functions.

The semantics are those of Jayway JsonPath, as AWS answers: a query returns an array, also for one match; what is
missing is skipped, also at the start of the path. Recorded: `$.item.items[1:]` of `{}` is `[]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from headrace.streams.machines.errors import RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.expressions.paths.filters import FilterPredicate, compile_filter
from headrace.streams.machines.expressions.paths.functions import FUNCTIONS
from headrace.streams.machines.expressions.paths.reference import root_of
from headrace.streams.machines.expressions.paths.segments import ParsedPath, PathSegment
from headrace.streams.machines.expressions.scope import MISSING, Missing, Scope
from headrace.streams.machines.json_types import Json

MAX_MATCHES = 1_000_000
"""Maximum number of values that a query visits."""

Select = Callable[[Json, Json], Iterator[Json]]
"""Yields what a segment selects from a value; the second argument is the root."""


class QueryPath:
    """A path that selects any number of values."""

    __slots__ = ("_definite", "_function", "_selects", "root", "text")

    def __init__(self, text: str, parsed: ParsedPath) -> None:
        segments = parsed.segments
        function = segments[-1] if segments[-1].kind == "function" else None
        if function is not None:
            segments = segments[:-1]
        self.text = text
        self.root = parsed.root
        self._function = _function(function) if function is not None else None
        names = segments[:-1] if segments and segments[-1].kind == "properties" and not segments[-1].scan else segments
        self._definite = all(segment.definite for segment in names)
        self._selects = [_select(segment, leaf=segment is segments[-1]) for segment in segments]

    def find(self, scope: Scope) -> Json | Missing:
        """Return the array of selected values, or the result of the function; `MISSING` if there is none.

        Raises:
            StatesError: The query visits more than `MAX_MATCHES` values.
        """
        root = root_of(self.root, scope)
        if root is MISSING:
            return MISSING
        values = [root]
        for select in self._selects:
            values = self._selected(values, select, root)
        result: Json | Missing = values
        if self._definite:
            result = values[0] if values else MISSING
        return result if self._function is None or result is MISSING else self._function(result)

    def _selected(self, values: Sequence[Json], select: Select, root: Json) -> list[Json]:
        selected: list[Json] = []
        for value in values:
            for match in select(value, root):
                selected.append(match)
                if len(selected) > MAX_MATCHES:
                    raise StatesError(RUNTIME, f"The path '{self.text}' selects more than {MAX_MATCHES} values.")
        return selected

    def read(self, scope: Scope) -> Json:
        """Return the array of selected values, or the result of the function.

        Raises:
            StatesError: The variable does not exist, or the function has no result.
        """
        value = self.find(scope)
        if value is MISSING:
            raise StatesError(RUNTIME, f"Invalid path '{self.text}' : No results for path: {self.text}")
        return value


def _function(segment: PathSegment) -> Callable[[Json], Json | Missing]:
    function = FUNCTIONS.get(str(segment.value))
    if function is None or segment.scan:
        raise DefinitionError(f"The path function '{segment.value}()' does not exist.")
    return function


def _select(segment: PathSegment, *, leaf: bool) -> Select:
    """Return what selects the values of a segment."""
    if segment.kind == "filter":
        return _filtered(compile_filter(str(segment.value)), scan=segment.scan)
    child = _child(segment, leaf=leaf)
    if not segment.scan:
        return child
    return lambda value, root: (match for inner in descendants(value) for match in child(inner, root))


def _child(segment: PathSegment, *, leaf: bool) -> Select:
    argument: Any = segment.value
    if segment.kind == "property":
        return lambda value, _root: iter([value[argument]] if isinstance(value, dict) and argument in value else ())
    if segment.kind == "properties":
        return _merged(argument) if leaf else _members(argument)
    if segment.kind in ("index", "indices"):
        indices = argument if isinstance(argument, tuple) else (argument,)
        return lambda value, _root: (value[index] for index in indices if _has_index(value, index))
    if segment.kind == "slice":
        return lambda value, _root: iter(value[slice(*argument)] if isinstance(value, list) else ())
    return lambda value, _root: iter(children(value))


def _has_index(value: Json, index: int) -> bool:
    return isinstance(value, list) and -len(value) <= index < len(value)


def _merged(names: tuple[str, ...]) -> Select:
    """Several names at the end of a path select one object with the members that exist."""

    def select(value: Json, _root: Json) -> Iterator[Json]:
        if isinstance(value, dict):
            yield {name: value[name] for name in names if name in value}

    return select


def _members(names: tuple[str, ...]) -> Select:
    return lambda value, _root: (value[name] for name in names if isinstance(value, dict) and name in value)


def _filtered(predicate: FilterPredicate, *, scan: bool) -> Select:
    """A filter tests the elements of an array, or an object itself. After `..`, it tests each object once."""

    def select(value: Json, root: Json) -> Iterator[Json]:
        if scan:
            candidates: Any = (inner for inner in descendants(value) if isinstance(inner, dict))
        else:
            candidates = value if isinstance(value, list) else [value] if isinstance(value, dict) else ()
        return (candidate for candidate in candidates if predicate(candidate, root))

    return select


def children(value: Json) -> Sequence[Json]:
    """Return the elements of an array or the values of an object."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def descendants(value: Json) -> Iterator[Json]:
    """Yield a value and everything inside it, parents first. The depth of the value is not limited."""
    stack = [value]
    while stack:
        inner = stack.pop()
        yield inner
        stack.extend(reversed(children(inner)))
