"""What a stage answers now beside what it answered before. Pure.

same        the same answer
changed     another answer
new         an answer where there was none
gone        no answer where there was one
fails       a dead letter where there was an answer
unanswered  no answer, now as before
refused     a call would have to be paid, so nobody knows
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from headrace.schemas.records import Event

DiffVerdict = Literal["same", "changed", "new", "gone", "fails", "unanswered", "refused"]
MOST_CHANGES = 20
LONGEST = 80

_OF_NO_MATTER = {"charges"}
_POINTER = {"bucket", "key", "sha256"}


class FieldChange(msgspec.Struct, frozen=True):
    """A field that is another one: its path such as `labels[0].name`, and what it held and holds, in JSON."""

    field: str
    before: str
    after: str


class RecordDiff(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record of a trial: where it lies, what it is about, and what is different; `why` for what failed."""

    record: str
    key: str
    verdict: DiffVerdict
    outcome: str
    changes: tuple[FieldChange, ...] = ()
    code: str = ""
    why: str = ""


def changes(before: Event, after: Event) -> tuple[FieldChange, ...]:
    """Name the fields that differ. Where a result lies is of no matter, only what it holds; nor is what it cost."""
    was, now = dict(_flat(msgspec.to_builtins(before))), dict(_flat(msgspec.to_builtins(after)))
    if before.EVENT != after.EVENT:
        return (FieldChange("event", before.EVENT, after.EVENT),)
    paths = [path for path in {**was, **now} if was.get(path, _ABSENT) != now.get(path, _ABSENT)]
    return tuple(FieldChange(path, _json(was, path), _json(now, path)) for path in paths[:MOST_CHANGES])


def verdict_of(before: Event | None, after: Event | None, found: Iterable[FieldChange]) -> DiffVerdict:
    """Say in one word how an answer is beside the one before."""
    if before is None:
        return "unanswered" if after is None else "new"
    if after is None:
        return "gone"
    return "changed" if tuple(found) else "same"


_ABSENT = object()


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every leaf by its path; of a pointer only what says what lies there."""
    if isinstance(value, dict):
        own = set(value)
        for name, each in value.items():
            pointless = own >= _POINTER and name in ("bucket", "key", "size")
            if name not in _OF_NO_MATTER and not pointless:
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
    said = msgspec.json.encode(values[path]).decode()
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
