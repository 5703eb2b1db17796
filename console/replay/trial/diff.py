"""Compare the results of a shadow run with the stored results. Pure.

same        same result
changed     different result
new         result where none was stored
gone        no result where one was stored
fails       dead letter where a result was stored
unanswered  no result, before and now
refused     needs a billed call, so the result is unknown
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from headrace.schemas.records import Event

DiffVerdict = Literal["same", "changed", "new", "gone", "fails", "unanswered", "refused"]
MAX_CHANGES = 20
MAX_VALUE_LENGTH = 80

_IGNORED_FIELDS = {"charges"}
_POINTER_FIELDS = {"bucket", "key", "sha256"}


class FieldChange(msgspec.Struct, frozen=True):
    """A changed field: its path, such as `labels[0].name`, and both values as JSON."""

    field: str
    before: str
    after: str


class RecordDiff(msgspec.Struct, frozen=True, omit_defaults=True):
    """The comparison of one record (`topic/partition/offset`). `code` and `why` describe a failure."""

    record: str
    key: str
    verdict: DiffVerdict
    outcome: str
    changes: tuple[FieldChange, ...] = ()
    code: str = ""
    why: str = ""


def changes(before: Event, after: Event) -> tuple[FieldChange, ...]:
    """Return the fields that differ, except storage locations and charges."""
    was, now = dict(_flat(msgspec.to_builtins(before))), dict(_flat(msgspec.to_builtins(after)))
    if before.EVENT != after.EVENT:
        return (FieldChange("event", before.EVENT, after.EVENT),)
    paths = [path for path in {**was, **now} if was.get(path, _ABSENT) != now.get(path, _ABSENT)]
    return tuple(FieldChange(path, _json(was, path), _json(now, path)) for path in paths[:MAX_CHANGES])


def verdict_of(before: Event | None, after: Event | None, field_changes: Iterable[FieldChange]) -> DiffVerdict:
    """Return the verdict for a stored and a new result."""
    if before is None:
        return "unanswered" if after is None else "new"
    if after is None:
        return "gone"
    return "changed" if tuple(field_changes) else "same"


_ABSENT = object()


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its path; of an object pointer only the content hash and type."""
    if isinstance(value, dict):
        own = set(value)
        for name, each in value.items():
            is_location = own >= _POINTER_FIELDS and name in ("bucket", "key", "size")
            if name not in _IGNORED_FIELDS and not is_location:
                yield from _flat(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        yield f"{path}.length", len(value)
        for number, each in enumerate(value):
            yield from _flat(each, f"{path}[{number}]")
    else:
        yield path, value


def _json(values: dict[str, Any], path: str) -> str:
    if path not in values:
        return ""
    text = msgspec.json.encode(values[path]).decode()
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}..."
