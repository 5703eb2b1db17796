"""Reads JSON that came from outside into what its sender documents, naming the part that is not so.

A shape declares what we use of a message and nothing else, so that a field that AWS adds tomorrow changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.connectors.events.results import ParseError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ABSENT = Raw()
"""Stands for a member that is not there; unlike any that is, it counts as false."""

JsonObject = str | Raw
JsonText = Annotated[str, Meta(min_length=1)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]

S = TypeVar("S", bound=Struct)


def json_decoder(shape: type[S]) -> Callable[[JsonObject], S]:
    """Make a function that reads JSON as a shape. It raises `Unreadable` where the JSON is something else."""
    decode = msgspec.json.Decoder(shape).decode

    def read(found: JsonObject) -> S:
        try:
            return decode(found)
        except msgspec.ValidationError as error:
            raise ParseError(str(error)) from None

    return read


def parse_timestamp(found: datetime | None, otherwise: datetime) -> datetime:
    """Give a moment in UTC, which it is in when it names no zone; `otherwise` where it is missing."""
    if found is None:
        return otherwise
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ParseError("a moment beyond all calendars") from None


def parse_timestamp_lenient(found: object, otherwise: datetime) -> datetime:
    """Give a moment in whatever ISO 8601 spelling, in UTC; `otherwise` where there is none to be read."""
    try:
        return parse_timestamp(datetime.fromisoformat(found), otherwise) if isinstance(found, str) else otherwise
    except (ValueError, ParseError):
        return otherwise


def milliseconds(found: float | None, otherwise: datetime) -> datetime:
    """Give a moment that is told in milliseconds since 1970; `otherwise` where it is missing."""
    if found is None:
        return otherwise
    try:
        return EPOCH + timedelta(milliseconds=found)
    except OverflowError:
        raise ParseError("a moment beyond all calendars") from None
