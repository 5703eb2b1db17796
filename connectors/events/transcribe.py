"""Job state changes of Amazon Transcribe, by EventBridge.

Source: Amazon Transcribe Developer Guide, "Using EventBridge".
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from headrace.connectors.events.decoding import JsonObject, json_decoder, parse_timestamp
from headrace.connectors.events.event_source import EventSource, QueueScope
from headrace.connectors.events.jobs import JobCompletion, is_headrace_job, to_event
from headrace.connectors.events.results import EventWithMetadata, ParseError
from headrace.schemas.jobs import succeeded


class _Transcription(Struct, rename="pascal"):
    transcription_job_name: str = ""
    transcription_job_status: str = ""
    failure_reason: str | None = None


class _Event(Struct):
    detail: _Transcription
    time: datetime | None = None


_event = json_decoder(_Event)


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match every event of Transcribe."""
    return source == "aws.transcribe"


def parse(message: JsonObject, received_at: datetime) -> EventWithMetadata | None:
    """Parse a job state change; None if no Headrace job has ended. The job name is the token. Raises `ParseError`."""
    event = _event(message)
    name = event.detail.transcription_job_name
    result = succeeded(event.detail.transcription_job_status)
    if result is not None and not name:
        raise ParseError("a finished transcription job has no name")
    job = JobCompletion(
        service="transcribe",
        operation="StartTranscriptionJob",
        job_id=name,
        token=name,
        succeeded=result,
        message=event.detail.failure_reason or "",
        time=parse_timestamp(event.time, received_at),
    )
    return to_event(job) if is_headrace_job(job) else None


def pattern(queue: QueueScope) -> Mapping[str, Any]:
    """Select job state changes."""
    return {"source": ["aws.transcribe"], "detail-type": ["Transcribe Job State Change"]}


SOURCE = EventSource("transcribe", "event", "eventbridge", matches, parse, pattern=pattern)
