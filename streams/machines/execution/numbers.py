"""Read the numbers of a state's fields, with AWS's causes for values that are none."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

from headrace.streams.machines.definition.values import DynamicValue, JsonataValue, PathValue
from headrace.streams.machines.errors import QUERY_EVALUATION_ERROR, RUNTIME, StatesError
from headrace.streams.machines.execution.data_flow import Environment, evaluate
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)


def whole_number(field: DynamicValue, env: Environment, effective: Json) -> int:
    """Return an integer; a path can also refer to a string with one.

    Raises:
        StatesError: The expression fails, or its value is not an integer.
    """
    value = evaluate(field, env, effective, "number")
    number = parsed_integer(value)
    if number is None:
        raise _not_a("an", "integer", field, value)
    return number


def real_number(field: DynamicValue, env: Environment, effective: Json) -> float:
    """Return a number; a path can also refer to a string with one.

    Raises:
        StatesError: The expression fails, or its value is not a number.
    """
    value = evaluate(field, env, effective, "number")
    number = _parsed_float(value)
    if number is None:
        raise _not_a("a", "float", field, value)
    return number


def parsed_integer(value: Json) -> int | None:
    """Return the integer that a number or a string stands for; None without one."""
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if isfinite(value) and value == int(value) else None


def _parsed_float(value: Json) -> float | None:
    if isinstance(value, str):
        return float(value) if _DECIMAL.fullmatch(value) else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def invalid(field: DynamicValue, cause: str) -> StatesError:
    """Return the error for a value out of range, whose name depends on the query language."""
    return StatesError(QUERY_EVALUATION_ERROR if isinstance(field, JsonataValue) else RUNTIME, cause)


def _not_a(article: str, kind: str, field: DynamicValue, value: Json) -> StatesError:
    text = value if isinstance(value, str) else compact(value)
    if isinstance(field, JsonataValue):
        return invalid(field, f"The {field.field} field cannot be parsed as {article} {kind}: {text}")
    source = f": {field.path.text}" if isinstance(field, PathValue) else ""
    return invalid(field, f'The {field.field} field refers to value "{text}" which is not a valid {kind}{source}')
