"""Compile and evaluate JSONata expressions as AWS does.

An expression reads `$states` and variables. Its input is not the root, so a path starts with one of them. JSON's null
is a value; an expression without a result (undefined) fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from headrace.streams.machines.errors import QUERY_EVALUATION_ERROR, StatesError
from headrace.streams.machines.expressions.jsonata import library
from headrace.streams.machines.expressions.jsonata.errors import EvaluationError
from headrace.streams.machines.expressions.scope import Entropy
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

LARGEST_INTEGER = 2**63
MAX_DEPTH = 200


class Expression:
    """A compiled expression."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self._compiled = compiled

    @property
    def tree(self) -> Any:
        """The syntax tree of the library."""
        return self._compiled.ast

    def evaluate(
        self, states: Mapping[str, Json], variables: Mapping[str, Json], entropy: Entropy, location: str = "Output"
    ) -> Json:
        """Return the result; `location` is the field that holds the expression, such as `Output/a[0]`.

        Raises:
            StatesError: The evaluation fails, exceeds a bound, or has no result.
        """
        try:
            values = {
                **{name: library_value(value) for name, value in variables.items()},
                "states": library_value(states),
            }
            result = library.evaluate(self._compiled, values, entropy)
        except EvaluationError as error:
            raise self._failure(location, f"threw an error during evaluation{error.text}") from error
        if result is None:
            raise self._failure(location, "returned nothing (undefined).")
        try:
            return json_value(result)
        except UnsupportedError as error:
            raise self._failure(location, "returned an unsupported result type.") from error

    def unexpected(self, location: str, expected: str, value: Json) -> StatesError:
        """Return the error of a result whose type is not the `expected` one."""
        actual = f"Expected '{expected}', but was '{type_of(value)}' for value: {compact(value)}"
        return self._failure(location, f"returned an unexpected result type. {actual}")

    def _failure(self, location: str, what: str) -> StatesError:
        cause = f"The JSONata expression '{self.text}' specified for the field '{location}' {what}"
        return StatesError(QUERY_EVALUATION_ERROR, cause)


class UnsupportedError(Exception):
    """A result has no JSON: it is or contains a function."""


@lru_cache(4096)
def compile_jsonata(text: str) -> Expression:
    """Return the compiled expression of a text without its `{% %}`.

    Raises:
        DefinitionError: The text is not an expression; the message is that of JSONata's parser, without its code.
    """
    return Expression(text, library.compile_text(text))


def type_of(value: Json) -> str:
    """Return the name of a JSON type as AWS writes it."""
    if value is None:
        return "null"
    names = ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "number")


def library_value(value: Json) -> Any:
    """Return a value with the library's null; the value itself if it has none.

    Raises:
        EvaluationError: The value is nested too deep.
    """
    try:
        if b"null" not in orjson.dumps(value):
            return value
    except TypeError:
        pass
    return _with_nulls(value, library.null(), 0)


def _with_nulls(value: Json, null: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise EvaluationError(f": The value is nested more than {MAX_DEPTH} levels deep")
    if value is None:
        return null
    if isinstance(value, Mapping):
        return {name: _with_nulls(each, null, depth + 1) for name, each in value.items()}
    return [_with_nulls(each, null, depth + 1) for each in value] if isinstance(value, list) else value


def json_value(value: Any, depth: int = 0) -> Json:
    """Return the JSON of a library's value: whole numbers as integers, infinite ones by their names.

    Raises:
        UnsupportedError: The value is or contains a function, or is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise UnsupportedError
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if value is None or value is library.null():
        return None
    if isinstance(value, list):
        return [json_value(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {str(name): json_value(each, depth + 1) for name, each in value.items()}
    raise UnsupportedError


def _number(value: float) -> Json:
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < LARGEST_INTEGER else value
