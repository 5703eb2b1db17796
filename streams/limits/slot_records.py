"""The records of `system.slots`, the compacted topic that orders the claims of job slots.

<job token>        claim       `worker` waits for a slot; the record's offset is its place in the queue
                   start       the claim at offset `claim` holds a slot, from before the job starts to its end
                   tombstone   the job has ended; with a header `claim`, the claim at this offset is given up;
                               with a header `waiting` too, only if it has not started
worker/<worker>    heartbeat   the worker is alive; a tombstone once its claims are removed
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headrace.schemas import topics
from headrace.schemas.ids import token_stage
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import InvalidValueError, ZonedTime, parse_int, parse_struct

WORKER = "worker/"
CLAIM, WAITING = "claim", "waiting"
LONGEST_HOLD = timedelta(days=31)
"""A record that holds a slot for longer after its own timestamp is invalid: a forged one must not block the quota."""


class SlotClaim(msgspec.Struct, frozen=True, tag="claim"):
    """A worker waits for a slot for a job."""

    worker: str


class SlotStart(msgspec.Struct, frozen=True, tag="start"):
    """The worker of the claim at offset `claim` calls the service; the job runs at most from `at` to `until`."""

    worker: str
    claim: int
    at: ZonedTime
    until: ZonedTime


class SlotEnd(msgspec.Struct, frozen=True):
    """The claim at offset `claim` is given up, with `waiting` only if it has not started.

    If `claim` is None, the job has ended, whatever its claim is.
    """

    claim: int | None = None
    waiting: bool = False


class WorkerHeartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """A worker with claims is alive."""


SlotRecord = SlotClaim | SlotStart | SlotEnd | WorkerHeartbeat
_CONTENT: Any = SlotClaim | SlotStart | WorkerHeartbeat


def to_record(name: str, content: SlotRecord) -> ProducerRecord:
    """Return the record of a job token, or of `worker/<worker>`."""
    if not isinstance(content, SlotEnd):
        return ProducerRecord(topics.SLOTS.name, name.encode(), msgspec.json.encode(content))
    headers = () if content.claim is None else ((CLAIM, str(content.claim).encode()),)
    return ProducerRecord(topics.SLOTS.name, name.encode(), None, headers + ((WAITING, b""),) * content.waiting)


def from_record(record: ConsumerRecord) -> tuple[str, SlotRecord] | None:
    """Return the name and the content of a record; None for a record of another kind.

    Raises:
        InvalidValueError: the value is not one of this topic, the header `claim` is not an offset, or a start holds its
            slot for more than 31 days.
    """
    name = (record.key or b"").decode(errors="replace")
    if token_stage(name) is None and not name.startswith(WORKER):
        return None
    if record.value is not None:
        content = parse_struct(record.value, _CONTENT)
        if isinstance(content, SlotStart):
            _check_hold(content, record.timestamp)
        return name, content
    headers = dict(record.headers)
    return name, SlotEnd(parse_int(headers[CLAIM]) if CLAIM in headers else None, WAITING in headers)


def _check_hold(start: SlotStart, timestamp: float) -> None:
    if start.until > datetime.fromtimestamp(timestamp, UTC) + LONGEST_HOLD:
        raise InvalidValueError(f"a slot is held until {start.until.isoformat()}, more than {LONGEST_HOLD.days} days")
