"""Decode JSON from AWS into structs. Errors name the invalid part.

A struct declares only the fields that Headrace uses, so new fields of AWS change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.connectors.events.results import ParseError
from headrace.schemas.parsing import InvalidValueError, parse_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ABSENT = Raw()
"""Default of a missing member. It is false; every present member is true."""

JsonObject = str | Raw
JsonText = Annotated[str, Meta(min_length=1)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]

S = TypeVar("S", bound=Struct)


def json_decoder(shape: type[S]) -> Callable[[JsonObject], S]:
    """Return a function that decodes JSON into a struct and raises `ParseError`."""
    decode = msgspec.json.Decoder(shape).decode

    def read(text: JsonObject) -> S:
        try:
            return decode(text)
        except msgspec.ValidationError as error:
            raise ParseError(str(error)) from None

    return read


def parse_timestamp(value: datetime | None, default: datetime) -> datetime:
    """Convert a time to UTC; a time without a zone is UTC. Returns `default` for None. Raises `ParseError`."""
    if value is None:
        return default
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ParseError("timestamp out of range") from None


def parse_timestamp_lenient(value: object, default: datetime) -> datetime:
    """Parse an ISO 8601 time into UTC. Returns `default` for anything else."""
    try:
        return parse_time(value) if isinstance(value, str) else default
    except InvalidValueError:
        return default


def milliseconds(value: float | None, default: datetime) -> datetime:
    """Convert Unix time in milliseconds. Returns `default` for None. Raises `ParseError`."""
    if value is None:
        return default
    try:
        return EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ParseError("timestamp out of range") from None
