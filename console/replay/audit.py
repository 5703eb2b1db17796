"""Who replayed what, when and why: records of the topic `system.audit`, key = replay id. Pure.

    begun     written before anything is changed, with what is needed to undo it
    paused    somebody holds it up, and it goes on when it is told to
    done      carried out, read back and found to be so
    stopped   ended before all of it was carried out, `note` says why
    failed    carried out, and not found to be so

Each record tells all, so the newest of an id counts; an id whose newest is `begun` was cut short.
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

ReplayKind = Literal["rewind", "undo", "redrive", "trial", "discard"]
ReplayState = Literal["begun", "paused", "done", "stopped", "failed"]
ControlCommand = Literal["pause", "resume", "stop"]


class OffsetShift(msgspec.Struct, frozen=True):
    """A partition whose offset was changed; `before` is None where there was none, so that `low` was the next."""

    topic: str
    partition: int
    before: int | None
    after: int
    low: int


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One replay. `asked` is what was asked for in words; `sent` how many letters went back; times are RFC 3339.

    `fresh` says that a new epoch of the stage began with it.
    """

    id: str
    what: ReplayKind
    state: ReplayState
    stage: str
    group: str
    by: str
    at: str
    asked: str
    reason: str = ""
    shifts: tuple[OffsetShift, ...] = ()
    letters: int = 0
    sent: int = 0
    note: str = ""
    ended: str = ""
    fresh: bool = False

    def over(self, state: ReplayState, now: datetime, sent: int = 0, note: str = "") -> AuditEntry:
        """Say how it ended."""
        return msgspec.structs.replace(self, state=state, ended=timestamp(now), sent=sent, note=note)


class ControlMessage(msgspec.Struct, frozen=True):
    """What somebody tells a replay that is at work to do."""

    order: ControlCommand
    replay: str
    by: str
    at: str


def control_message(given: ControlMessage) -> ProducerRecord:
    """Address an order; the replay itself says when it has obeyed."""
    return ProducerRecord(topics.AUDIT.name, given.replay.encode(), msgspec.json.encode(given))


def newest_control_message(values: Iterable[bytes], replay: str) -> ControlMessage | None:
    """Give the last order to a replay among the values of the topic; None where there is none."""
    found = None
    for value in values:
        try:
            given = msgspec.json.decode(value, type=ControlMessage)
        except msgspec.DecodeError:
            continue
        found = given if given.replay == replay else found
    return found


def message(action: AuditEntry) -> ProducerRecord:
    """Address what happened to an action."""
    return ProducerRecord(topics.AUDIT.name, action.id.encode(), msgspec.json.encode(action))


def read(values: Iterable[bytes | None]) -> dict[str, AuditEntry]:
    """Read the values of the topic, oldest first: every action by its id, in the order in which they began.

    What is no action is passed over, since others may have written there too.
    """
    found: dict[str, AuditEntry] = {}
    for value in values:
        try:
            action = msgspec.json.decode(value or b"", type=AuditEntry)
        except msgspec.DecodeError:
            continue
        found[action.id] = action
    return found


def find(actions: dict[str, AuditEntry], wanted: str) -> AuditEntry:
    """Give the action that an id, or the beginning of one, means. Raises `Refused` where that is not one."""
    found = [action for id_, action in actions.items() if wanted and id_.startswith(wanted)]
    if not found:
        raise CommandError(f"there was no replay {wanted!r}: headrace replay list")
    if len(found) > 1:
        raise CommandError(f"{wanted} may be {' or '.join(action.id for action in found)}: say which")
    return found[0]
