"""Timestamps of RFC 3339, as the language compares them: `2016-03-14T01:59:00.5+01:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from headrace.streams.machines.json_types import Json

_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds_of(value: Json) -> int | None:
    """Return the nanoseconds of a timestamp since 1970; None for a value that is not a timestamp.

    The date and the time are separated by a capital T, and the offset is a capital Z or `+hh:mm`.
    """
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    text, fraction, sign, hours, minutes = match.groups()
    try:
        elapsed = datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH
    except ValueError:
        return None
    offset = 0 if sign is None else (int(hours) * 60 + int(minutes)) * (60 if sign == "+" else -60)
    seconds = elapsed.days * 86_400 + elapsed.seconds - offset
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
