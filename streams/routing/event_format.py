"""Convert records to the EventBridge event format, which rules match.

    {"version": "0", "id": ..., "detail-type": "MediaLabelled", "source": "headrace/labels", "time": ...,
     "resources": ["arn:aws:s3:::bucket/key"], "detail": {the record's fields},
     "headrace": {"topic": ..., "partition": ..., "offset": ..., "correlation-id": ..., "dead-letter": {...}}}

Events from EventBridge keep their content and get the additional field `headrace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.schemas.records import AwsEvent, Event
from headrace.streams.engine.headers import DEAD_LETTER, dead_letter_headers

DLQ_FIELDS = ("stage", "code", "class", "message", "attempts", "first-failure", "last-failure")


def to_eventbridge_event(received: ConsumerRecord, record: Event, envelope: EventMetadata) -> dict[str, Any]:
    """Return a record as an EventBridge event."""
    event = eventbridge_fields(record.EVENT, msgspec.to_builtins(record), envelope)
    return {**event, "headrace": headrace_fields(received, envelope)}


def eventbridge_fields(kind: str, detail: dict[str, Any], envelope: EventMetadata) -> dict[str, Any]:
    """Return the name and the fields of a record as an EventBridge event, without the field `headrace`."""
    original = _original(detail.get("body")) if kind == AwsEvent.EVENT else None
    return original or {
        "version": "0",
        "id": envelope.id,
        "detail-type": kind,
        "source": envelope.source,
        "time": envelope.time,
        "resources": _resources(detail.get("asset")),
        "detail": detail,
    }


def _original(body: Any) -> dict[str, Any] | None:
    """Return the original EventBridge event; None for other records."""
    try:
        event = parse_json(body)
    except InvalidValueError:
        return None
    return event if isinstance(event, dict) and "detail-type" in event and "source" in event else None


def _resources(asset: Mapping[str, Any] | None) -> list[str]:
    return [f"arn:aws:s3:::{asset['bucket']}/{asset['key']}"] if asset else []


def headrace_fields(received: ConsumerRecord, envelope: EventMetadata) -> dict[str, Any]:
    """Return the field `headrace` of an event: the position of its record, and facts from its headers."""
    fields: dict[str, Any] = {
        "topic": received.topic,
        "partition": received.partition,
        "offset": received.offset,
        "correlation-id": envelope.correlation,
    }
    headers = dict(received.headers)
    if dead_letter := _dead_letter(dict(dead_letter_headers(received))):
        fields["dead-letter"] = dead_letter
    if replay := headers.get("replay-id"):
        fields["replay-name"] = replay.decode(errors="replace")
    return fields


def _dead_letter(headers: Mapping[str, bytes | None]) -> dict[str, str]:
    values = {name: headers.get(f"{DEAD_LETTER}{name}") for name in DLQ_FIELDS}
    return {name: value.decode(errors="replace") for name, value in values.items() if value is not None}
