"""A record of the log for pages: its headers, its decoded value, and its bytes. Secrets are placeholders."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.console.dlq import detail
from headrace.console.dlq.sanitize import header
from headrace.console.kafka.entry import LogEntry
from headrace.schemas.redaction import redact

HEX_BYTES = 4096
"""Bytes of a value that a page shows."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record. `text` is its value as JSON; empty if it cannot be decoded. `hex` are its first 4,096 bytes."""

    place: str
    at: float
    key: str
    size: int
    kind: str
    headers: tuple[tuple[str, str | None], ...]
    text: str
    hex: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison: `+` only in the new text, `-` only in the old one, a space in both."""

    sign: str
    text: str


def record_view(entry: LogEntry) -> RecordView:
    """Return a record for a page."""
    record, value = entry.record, detail.value(entry)
    return RecordView(
        place=entry.place,
        at=record.timestamp,
        key=entry.key,
        size=len(record.value or b""),
        kind=str(value["kind"]),
        headers=tuple((redact(name), header(name, content)) for name, content in record.headers),
        text=as_text(value["record"]) if "record" in value else "",
        hex=tuple(detail.dump(record.value, HEX_BYTES)) if record.value else (),
    )


def as_text(document: Mapping[str, Any]) -> str:
    """Format JSON data in lines."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def compared(old: str, new: str, context: int = 3) -> tuple[DiffLine, ...]:
    """Compare two texts line by line; empty if they are equal."""
    return tuple(_lines(old, new, context))


def _lines(old: str, new: str, context: int) -> Iterator[DiffLine]:
    for number, line in enumerate(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=context)):
        if number >= 2:  # the names of the files
            yield DiffLine(line[:1] if line[:1] in "+- " else "@", line if line.startswith("@@") else line[1:])
