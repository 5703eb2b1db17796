"""The handler of the stages of state machines, before a worker replaces it with one that has state."""

from __future__ import annotations

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event
from headrace.streams.handlers import Router


async def _route(_: ConsumerRecord, event: Event, __: EventMetadata) -> tuple[ProducerRecord, ...] | None:
    raise LookupError(f"no worker hosts the state machines that take {event.EVENT}")


BOUND_BY_WORKER = Router(_route)
