"""Audit log of replays: records of the topic `system.audit`, key = replay id. Pure.

    begun     written before any change, with what is needed to undo it
    paused    paused by an operator; continues on `resume`
    done      executed, read back and verified
    stopped   ended early; `note` has the reason
    failed    executed, but the result does not match the plan

Each record is complete, so the newest record of an id counts. An id whose newest record is `begun` was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from headrace.console.errors import CommandError
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct

ReplayKind = Literal["rewind", "undo", "redrive", "trial", "discard", "forget"]
ReplayState = Literal["begun", "paused", "done", "stopped", "failed"]
ControlCommand = Literal["pause", "resume", "stop"]


class OffsetShift(msgspec.Struct, frozen=True):
    """One partition whose committed offset changed.

    `before` is None if the group had no committed offset; it would have started at `low`.
    """

    topic: str
    partition: int
    before: int | None
    after: int
    low: int


class AuditEntry(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"kind": "what", "request": "asked", "reprocess": "fresh"},
):
    """One replay. Times are RFC 3339. `rename` keeps the field names of the stored JSON.

    `request` describes the options in words, `letters` is the number of selected records and `sent` the number sent.
    `reprocess` is true if the replay started a new epoch of the stage.
    """

    id: str
    kind: ReplayKind
    state: ReplayState
    stage: str
    group: str
    by: str
    at: str
    request: str
    reason: str = ""
    shifts: tuple[OffsetShift, ...] = ()
    letters: int = 0
    sent: int = 0
    note: str = ""
    ended: str = ""
    reprocess: bool = False

    def over(self, state: ReplayState, now: datetime, sent: int = 0, note: str = "") -> AuditEntry:
        """Return the entry with its final state."""
        return msgspec.structs.replace(self, state=state, ended=timestamp(now), sent=sent, note=note)


class ControlMessage(msgspec.Struct, frozen=True, rename={"command": "order"}):
    """A command to a running replay. `rename` keeps the field names of the stored JSON."""

    command: ControlCommand
    replay: str
    by: str
    at: str


def control_message(control: ControlMessage) -> ProducerRecord:
    """Return the record for a control message. The replay itself records that it has applied it."""
    return ProducerRecord(topics.AUDIT.name, control.replay.encode(), msgspec.json.encode(control))


def newest_control_message(values: Iterable[bytes], replay: str) -> ControlMessage | None:
    """Return the last control message for a replay among record values, or None."""
    newest = None
    for value in values:
        try:
            control = parse_struct(value, ControlMessage)
        except InvalidValueError:
            continue
        newest = control if control.replay == replay else newest
    return newest


def message(entry: AuditEntry) -> ProducerRecord:
    """Return the record for an audit entry."""
    return ProducerRecord(topics.AUDIT.name, entry.id.encode(), msgspec.json.encode(entry))


def read(values: Iterable[bytes | None]) -> dict[str, AuditEntry]:
    """Return the newest entry of each replay id, in the order in which the replays began.

    `values` are record values of the topic, oldest first. Values that are not audit entries are ignored.
    """
    entries: dict[str, AuditEntry] = {}
    for value in values:
        try:
            entry = parse_struct(value or b"", AuditEntry)
        except InvalidValueError:
            continue
        entries[entry.id] = entry
    return entries


def find(entries: dict[str, AuditEntry], prefix: str) -> AuditEntry:
    """Return the entry whose id starts with `prefix`. Raises `CommandError` unless exactly one does."""
    matches = [entry for id_, entry in entries.items() if prefix and id_.startswith(prefix)]
    if not matches:
        raise CommandError(f"no replay {prefix!r}. To list replays: headrace replay list")
    if len(matches) > 1:
        raise CommandError(f"{prefix} is ambiguous: {' or '.join(entry.id for entry in matches)}")
    return matches[0]
