"""Envelopes of events that begin at AWS."""

from __future__ import annotations

from datetime import datetime

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, timestamp
from headrace.schemas.records import Event


def new_metadata(event: Event, id_: str, source: str, moment: datetime) -> EventMetadata:
    """Address an event from outside. Its trace begins with it, and is the same however often it is delivered.

    `id_` is a UUID, whose 128 bits name the trace as well. Source: W3C Trace Context, "traceparent".
    """
    trace = id_.replace("-", "")
    return EventMetadata(
        id=id_,
        source=source,
        type=PREFIX + event.EVENT,
        time=timestamp(moment),
        subject=topics.subject_of(event),
        traceparent=f"00-{trace}-{trace[16:]}-01",
    )
