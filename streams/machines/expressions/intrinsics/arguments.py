"""Check the arguments of intrinsic functions."""

from __future__ import annotations

import math
from typing import Any

from headrace.streams.machines.json_types import Json

MAX_TEXT = 10_000


class FailureError(Exception):
    """An argument is invalid. The message completes "The function States.X failed:"."""


def type_of(value: Json) -> str:
    """Return the name of a value's JSON type."""
    if value is None:
        return "null"
    names = ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "number")


def array_of(value: Json) -> list[Any]:
    """Return an array."""
    if not isinstance(value, list):
        raise FailureError(f"it needs an array, not {_article(value)}")
    return value


def object_of(value: Json) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise FailureError(f"it needs an object, not {_article(value)}")
    return value


def text_of(value: Json, limit: int | None = None) -> str:
    """Return a string of at most `limit` characters."""
    if not isinstance(value, str):
        raise FailureError(f"it needs a string, not {_article(value)}")
    if limit is not None and len(value) > limit:
        raise FailureError(f"the string has more than {limit} characters")
    return value


def rounded(value: Json) -> int:
    """Return a number rounded to the nearest integer, halves upwards, as Java rounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FailureError(f"it needs a number, not {_article(value)}")
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        raise FailureError("it needs a finite number")
    return math.floor(value + 0.5)


def integer_of(value: Json) -> int:
    """Return an integer; 2.0 is one."""
    number = rounded(value)
    if number != value:
        raise FailureError(f"it needs an integer, not {value}")
    return number


def _article(value: Json) -> str:
    name = type_of(value)
    return name if name == "null" else f"an {name}" if name[0] in "ao" else f"a {name}"
