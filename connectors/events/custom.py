"""EventBridge events of every source without a parser of its own."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from headrace.connectors.events.aws_event import aws_event, checked_body
from headrace.connectors.events.decoding import JsonObject, JsonText, json_decoder, parse_timestamp_lenient
from headrace.connectors.events.event_source import EventSource, QueueScope
from headrace.connectors.events.results import EventWithMetadata


class _Event(Struct, rename="kebab"):
    source: JsonText
    detail_type: str = ""
    id: str | None = None
    time: object = None


_event = json_decoder(_Event)


def parse(message: JsonObject, received_at: datetime) -> EventWithMetadata:
    """Parse any EventBridge event. Raises `ParseError`."""
    event = _event(message)
    occurred_at = parse_timestamp_lenient(event.time, received_at)
    body = checked_body(message if isinstance(message, str) else bytes(message).decode())
    return aws_event(event.source, event.detail_type, occurred_at, body, event.id)


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match every event."""
    return True


def pattern(queue: QueueScope) -> Mapping[str, Any]:
    """Select the sources that the queue names."""
    return {"source": list(queue.sources)}


SOURCE = EventSource("custom", "event", "eventbridge", matches, parse, ("sources",), pattern)
