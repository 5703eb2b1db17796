"""Write JSON values as text."""

from __future__ import annotations

import json

import orjson

from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.json_types import Json


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
