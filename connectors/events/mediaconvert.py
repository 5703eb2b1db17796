"""Job state changes of AWS Elemental MediaConvert, by EventBridge.

Source: AWS Elemental MediaConvert User Guide, "Using EventBridge".
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from headrace.connectors.events.decoding import JsonObject, json_decoder, milliseconds, parse_timestamp
from headrace.connectors.events.event_source import EventSource, QueueScope
from headrace.connectors.events.jobs import JobCompletion, is_headrace_job, to_event
from headrace.connectors.events.results import EventWithMetadata, Ignored, ParseError
from headrace.schemas.ids import token_stage
from headrace.schemas.jobs import succeeded

_PROGRESS = ("STATUS_UPDATE", "PROGRESSING", "INPUT_INFORMATION")


class _Conversion(Struct, rename="camel"):
    job_id: str = ""
    status: str = ""
    user_metadata: dict[str, Any] | None = None
    error_code: int | None = None
    error_message: str | None = None
    timestamp: float | None = None


class _Event(Struct):
    detail: _Conversion
    time: datetime | None = None


_event = json_decoder(_Event)


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match every event of MediaConvert."""
    return source == "aws.mediaconvert"


def parse(message: JsonObject, received_at: datetime) -> EventWithMetadata | Ignored | None:
    """Parse a job state change; None if no Headrace job has ended. Raises `ParseError`.

    Progress events, about one a minute, are ignored. The token is a value of the user metadata under any name.
    """
    event = _event(message)
    detail = event.detail
    if detail.status in _PROGRESS:
        return Ignored("MediaConvert progress event")
    result = succeeded(detail.status)
    if result is not None and not detail.job_id:
        raise ParseError("a finished MediaConvert job has no id")
    values = (detail.user_metadata or {}).values()
    tokens = [value for value in values if isinstance(value, str) and token_stage(value)]
    reasons = (str(detail.error_code) if detail.error_code else "", detail.error_message or detail.status)
    job = JobCompletion(
        service="mediaconvert",
        operation="CreateJob",
        job_id=detail.job_id,
        token=tokens[0] if len(tokens) == 1 else "",
        succeeded=result,
        message=": ".join(filter(None, reasons)),
        time=milliseconds(detail.timestamp, parse_timestamp(event.time, received_at)),
    )
    return to_event(job) if is_headrace_job(job) else None


def pattern(queue: QueueScope) -> Mapping[str, Any]:
    """Select final states."""
    return {
        "source": ["aws.mediaconvert"],
        "detail-type": ["MediaConvert Job State Change"],
        "detail": {"status": ["COMPLETE", "ERROR", "CANCELED"]},
    }


SOURCE = EventSource("mediaconvert", "event", "eventbridge", matches, parse, pattern=pattern)
