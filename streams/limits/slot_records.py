"""The records of `system.slots`, the compacted topic that orders the claims of job slots.

<job token>        claim       `worker` waits for a slot; the record's offset is its place in the queue
                   start       the claim at offset `claim` holds a slot, from before the job starts to its end
                   tombstone   the job has ended; with a header `claim`, the claim at this offset is given up;
                               with a header `waiting` too, only if it has not started
worker/<worker>    heartbeat   the worker is alive; a tombstone once its claims are removed
"""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.schemas import topics
from headrace.schemas.ids import token_stage
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import ZonedTime, parse_int, parse_struct

WORKER = "worker/"
CLAIM, WAITING = "claim", "waiting"


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
        InvalidValueError: the value is not one of this topic, or the header `claim` is not an offset.
    """
    name = (record.key or b"").decode(errors="replace")
    if token_stage(name) is None and not name.startswith(WORKER):
        return None
    if record.value is not None:
        return name, parse_struct(record.value, _CONTENT)
    headers = dict(record.headers)
    return name, SlotEnd(parse_int(headers[CLAIM]) if CLAIM in headers else None, WAITING in headers)
