"""Read JSON as AWS does, and write JSON values as text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import orjson

from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.json_types import Json

MAX_DIGITS = 1_000
"""Digits of a number, the limit of Jackson, the parser of AWS."""

Members = Callable[[list[tuple[str, Any]]], Any]


def read_json(text: str, members: Members = dict) -> Json:
    """Return the value of a text. `members` makes an object of its names and values.

    Raises:
        json.JSONDecodeError: The text is not JSON.
        ValueError: A number is infinite or has more than `MAX_DIGITS` digits, or the value is nested too deep.
    """
    try:
        return json.loads(
            text, object_pairs_hook=members, parse_int=_integer, parse_float=_finite, parse_constant=_finite
        )
    except RecursionError as error:
        raise TooDeepError("nested too deep") from error


class TooDeepError(ValueError):
    """A value is nested deeper than Python reads it."""


def repeated_name(pairs: list[tuple[str, Any]]) -> str | None:
    """Return the first name that the members of an object repeat."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def _integer(text: str) -> int:
    _check_digits(text)
    return int(text)


def _finite(text: str) -> float:
    _check_digits(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"Non-standard or infinite number '{text[:40]}'")
    return number


def _check_digits(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"Number '{text[:40]}...' has more than {MAX_DIGITS} digits")


def compact(value: Json) -> str:
    """Return the text of a value without spaces, as AWS prints it in outputs and causes.

    Raises:
        StatesError: The value is nested too deep, about 1,000 levels.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers of more than 64 bits, lone surrogates and more than 254 levels
        pass
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError) as error:
        raise StatesError(RUNTIME, "A value is too deep or too large to be written as JSON.") from error
