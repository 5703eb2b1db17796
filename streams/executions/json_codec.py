"""Write and read structs with payloads as JSON. A payload can have strings that are not valid Unicode."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import msgspec

from headrace.streams.machines.execution.snapshot import json_bytes


def encode_json(value: Any) -> bytes:
    """Return a struct as JSON in UTF-8; strings that are not valid Unicode are escaped."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return json_bytes(msgspec.to_builtins(value))


def decode_json(data: bytes, kind: Any) -> Any:
    """Return a struct from its JSON.

    Raises:
        msgspec.DecodeError: The bytes are not JSON of this type.
    """
    try:
        return _decoder(kind).decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:  # the decoder of msgspec refuses half a surrogate pair
        try:
            return msgspec.convert(json.loads(data), kind)
        except (ValueError, RecursionError) as second:
            raise msgspec.DecodeError(str(second)) from error


@lru_cache(64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
