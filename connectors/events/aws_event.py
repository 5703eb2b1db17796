"""Events without a topic of their own: they are stored unchanged as `AwsEvent`."""

from __future__ import annotations

from datetime import datetime

import orjson

from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas.ids import named_id
from headrace.schemas.records import AwsEvent


def aws_event(
    source: str, detail_type: str, occurred_at: datetime, body: str, event_id: str | None = None
) -> EventWithMetadata:
    """Build an `AwsEvent`. Without an event id, its id derives from the body."""
    event = AwsEvent(
        source=source, detail_type=detail_type, event_id=event_id or None, occurred_at=occurred_at, body=body
    )
    id_ = named_id("aws", source, detail_type, event.event_id or body)
    return event, new_metadata(event, id_, source, occurred_at)


def checked_body(message: str) -> str:
    """Return a message after checking that it is JSON that other parsers accept. Raises `orjson.JSONDecodeError`."""
    orjson.loads(message)
    return message
