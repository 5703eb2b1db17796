"""CloudEvents attributes of the events of a stage."""

from __future__ import annotations

from datetime import datetime

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, timestamp
from headrace.schemas.records import Event
from headrace.schemas.spans import current_traceparent
from headrace.streams.stage import Stage


def stage_envelope(stage: Stage, event: Event | None, id_: str, cause: EventMetadata, time: datetime) -> EventMetadata:
    """Return the attributes of an event that a stage derives from another event, its cause."""
    return EventMetadata(
        id=id_,
        source=f"headrace/{stage.name}",
        type=PREFIX + (event.EVENT if event else ""),
        time=timestamp(time),
        subject=topics.subject_of(event) if event else "",
        correlation_id=cause.correlation,
        causation_id=cause.id,
        traceparent=current_traceparent(cause.traceparent),
    )
