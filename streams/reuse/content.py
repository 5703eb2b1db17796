"""The digest of what a stage reads. Records with the same digest have the same result."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.schemas.records import Event, MediaScanned
from headrace.streams.results import AssetResults

SCAN = "scan"
"""The stage that computes the SHA-256 of every object."""

_OF_THE_ASSET = frozenset({"asset", "tags", "charges"})
"""Fields that differ between two objects with the same content."""
_LOCATION = frozenset({"bucket", "key"})


async def content_digest(record: Event, results: AssetResults, settings: Sequence[str]) -> str | None:
    """Return the digest of the content that a record stands for; None if its SHA-256 is not known.

    For an object it covers the SHA-256 and the content type; for a result of another stage, the SHA-256 of the object
    and the result without its location. `settings` are those of the worker that change results.
    """
    sha256: str | None = getattr(record, "sha256", None)
    if sha256 is not None:
        parts: list[object] = [sha256, getattr(record, "content_type", "")]
    else:
        scanned = await results.event(SCAN)
        if not isinstance(scanned, MediaScanned):
            return None
        parts = [scanned.sha256, scanned.content_type, _without_places(msgspec.to_builtins(record))]
    identity = msgspec.json.encode([record.EVENT, *settings, *parts], order="deterministic")
    return hashlib.sha256(identity).hexdigest()


def _without_places(value: Any) -> Any:
    """Return a value without assets, charges, and the buckets and keys of files."""
    if isinstance(value, list | tuple):
        return [_without_places(each) for each in value]
    if not isinstance(value, dict):
        return value
    left_out = _OF_THE_ASSET | _LOCATION if value.keys() >= _LOCATION else _OF_THE_ASSET
    return {name: _without_places(each) for name, each in value.items() if name not in left_out}
