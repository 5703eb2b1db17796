"""CloudEvents metadata of events from AWS."""

from __future__ import annotations

from datetime import datetime

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, timestamp
from headrace.schemas.records import Event


def new_metadata(event: Event, id_: str, source: str, occurred_at: datetime) -> EventMetadata:
    """Build the metadata of an event that has no cause. Redeliveries have the same id and trace.

    `id_` is a UUID; its 128 bits are the trace id. Source: W3C Trace Context, "traceparent".
    """
    trace = id_.replace("-", "")
    return EventMetadata(
        id=id_,
        source=source,
        type=PREFIX + event.EVENT,
        time=timestamp(occurred_at),
        subject=topics.subject_of(event),
        traceparent=f"00-{trace}-{trace[16:]}-01",
    )
