"""Check the arguments of intrinsic functions."""

from __future__ import annotations

import math
from typing import Any

from headrace.streams.machines.json_types import Json

MAX_TEXT = 10_000
MAX_INTEGER = 2**31 - 1


class FailureError(Exception):
    """A function fails. The message is its cause; without one, its arguments are invalid."""


def array_of(value: Json) -> list[Any]:
    """Return an array."""
    if not isinstance(value, list):
        raise FailureError
    return value


def object_of(value: Json) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise FailureError
    return value


def text_of(value: Json) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise FailureError
    return value


def bounded_text(value: Json) -> str:
    """Return a string of at most `MAX_TEXT` characters."""
    text = text_of(value)
    if len(text) > MAX_TEXT:
        raise FailureError
    return text


def rounded(value: Json) -> int:
    """Return a number rounded to the nearest integer of 32 bits, halves upwards, as Java rounds."""
    return _integer(math.floor(_number(value) + 0.5))


def truncated(value: Json) -> int:
    """Return a number without its fraction, an integer of 32 bits."""
    return _integer(int(_number(value)))


def seed_of(value: Json) -> int:
    """Return a number without its fraction."""
    return int(_number(value))


def _number(value: Json) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FailureError
    return value


def _integer(value: int) -> int:
    if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise FailureError
    return value


def sum_of(first: int, second: int) -> int:
    """Return a sum, an integer of 32 bits."""
    return _integer(first + second)
