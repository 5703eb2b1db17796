"""Compile paths: `$.a.b[0]`, `$$.Execution.Id`, `$variable.a`, and queries such as `$.items[?(@.price > 3)].name`.

A reference path returns one value or fails. A query returns an array, and never fails: no match is `[]`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from headrace.streams.machines.errors import RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.expressions.paths.query import QueryPath
from headrace.streams.machines.expressions.paths.reference import PathStep, path_text, root_of, value_at, written
from headrace.streams.machines.expressions.paths.segments import PathSegment, parse_path
from headrace.streams.machines.expressions.scope import MISSING, Missing, Scope
from headrace.streams.machines.json_types import Json


class Path(Protocol):
    """A compiled path."""

    @property
    def text(self) -> str:
        """The path as written."""

    @property
    def root(self) -> str:
        """What the path starts from: `$`, `$$` or the name of a variable."""

    def find(self, scope: Scope) -> Json | Missing:
        """Return the value, or `MISSING`."""

    def read(self, scope: Scope) -> Json:
        """Return the value.

        Raises:
            StatesError: There is no value at the path.
        """


class ReferencePath:
    """A path of names and indices, which selects at most one value."""

    __slots__ = ("root", "steps", "text")

    def __init__(self, text: str, root: str, steps: tuple[PathStep, ...]) -> None:
        self.text = text
        self.root = root
        self.steps = steps

    def find(self, scope: Scope) -> Json | Missing:
        """Return the value, or `MISSING`."""
        return value_at(root_of(self.root, scope), self.steps)

    def read(self, scope: Scope) -> Json:
        """Return the value.

        Raises:
            StatesError: There is no value at the path.
        """
        value = self.find(scope)
        if value is MISSING:
            raise StatesError(RUNTIME, f"Invalid path '{self.text}' : {self._reason(scope)}")
        return value

    def write(self, target: Json, value: Json) -> Json:
        """Return `target` with `value` at the path; missing objects are created, and `target` is unchanged.

        Raises:
            StatesError: A value on the path is neither an object nor an array.
        """
        return written(target, self.steps, value)

    def _reason(self, scope: Scope) -> str:
        """Return why there is no value, in the words of Jayway JsonPath."""
        root = root_of(self.root, scope)
        for length in range(1, len(self.steps)):
            if value_at(root, self.steps[:length]) is MISSING and isinstance(self.steps[length - 1], str):
                return f"Missing property in path {path_text(self.steps[:length])}"
        return f"No results for path: {path_text(self.steps)}"


@lru_cache(4096)
def compile_path(text: str) -> Path:
    """Return the compiled path.

    Raises:
        DefinitionError: The text is not a path.
    """
    parsed = parse_path(text)
    steps = _steps(parsed.segments)
    if steps is None:
        return QueryPath(text, parsed)
    return ReferencePath(text, parsed.root, steps)


def compile_reference_path(text: str) -> ReferencePath:
    """Return the compiled path, which selects at most one value and starts with `$` or `$$`.

    Raises:
        DefinitionError: The text is not a reference path.
    """
    parsed = parse_path(text)
    steps = _steps(parsed.segments)
    if steps is None:
        raise DefinitionError(f"The path '{text}' is not a reference path: it can select more than one value.")
    return ReferencePath(text, parsed.root, steps)


def _steps(segments: tuple[PathSegment, ...]) -> tuple[PathStep, ...] | None:
    """Return the names and indices of a reference path; None for a query."""
    steps: list[PathStep] = []
    for segment in segments:
        if not segment.definite or not isinstance(segment.value, str | int):
            return None
        steps.append(segment.value)
    return tuple(steps)
