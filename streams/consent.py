"""Consent: the buckets and prefixes whose objects a stage may process. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LOCATION = re.compile(r"s3://(?P<bucket>[^/\s*?]+)(?:/(?P<prefix>.*))?", re.DOTALL)
EXAMPLE = 'consent = ["s3://bucket/prefix/"]'


def consent_pattern(locations: object) -> Mapping[str, Any]:
    """Return the event pattern of the objects in these locations, `s3://bucket` or `s3://bucket/prefix`.

    Raises:
        ValueError: they are not a list of locations, or the list is empty.
    """
    if not isinstance(locations, list) or not locations:
        raise ValueError(f"name the buckets or prefixes whose people have agreed, as in {EXAMPLE}")
    patterns = [_pattern(location) for location in locations]
    return patterns[0] if len(patterns) == 1 else {"$or": patterns}


def _pattern(location: object) -> dict[str, Any]:
    match = _LOCATION.fullmatch(location) if isinstance(location, str) else None
    if match is None:
        raise ValueError(f"{location!r} is no location; write it as in {EXAMPLE}")
    bucket, prefix = match["bucket"], match["prefix"]
    return {"asset": {"bucket": [bucket], **({"key": [{"prefix": prefix}]} if prefix else {})}}
