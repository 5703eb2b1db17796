"""Write JSON values as text."""

from __future__ import annotations

import json

import orjson

from headrace.streams.machines.json_types import Json


def compact(value: Json) -> str:
    """Return the text of a value without spaces, as AWS prints it in outputs and causes."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers of more than 64 bits, lone surrogates and deep nesting
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
