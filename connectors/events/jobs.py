"""Ends of jobs that AWS services work on: Rekognition, Textract and Polly by SNS, the others by EventBridge.

Sources: Amazon Rekognition Developer Guide, "Getting the analysis results"; Amazon Textract Developer Guide,
"Configuring asynchronous operations"; Amazon Transcribe Developer Guide and AWS Elemental MediaConvert User Guide,
"Using EventBridge".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Raw, Struct, field

from headrace.connectors.events.decoding import (
    ABSENT,
    JsonObject,
    JsonText,
    json_decoder,
    milliseconds,
    parse_timestamp,
)
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata, ParseError
from headrace.schemas.ids import job_end_id, token_stage
from headrace.schemas.jobs import succeeded
from headrace.schemas.records import JobFinished

_PROGRESS = ("STATUS_UPDATE", "PROGRESSING", "INPUT_INFORMATION")


@dataclass(frozen=True, slots=True)
class JobCompletion:
    """What a service says of a job, in whatever words. `good` is None while the job has not ended."""

    service: str
    operation: str
    job_id: str
    token: str
    succeeded: bool | None
    message: str
    time: datetime


class _Completion(Struct, rename="pascal"):
    job_id: JsonText
    status: JsonText
    operation: JsonText = field(name="API")
    job_tag: str | None = None
    message: str | None = None
    status_message: str | None = None
    timestamp: float | None = None
    document_location: Raw = ABSENT


class _Synthesis(Struct, rename="camel"):
    task_id: JsonText
    task_status: JsonText
    output_uri: str = ""
    task_status_reason: str | None = None


class _Transcription(Struct, rename="pascal"):
    transcription_job_name: str = ""
    transcription_job_status: str = ""
    failure_reason: str | None = None


class _Conversion(Struct, rename="camel"):
    job_id: str = ""
    status: str = ""
    user_metadata: dict[str, Any] | None = None
    error_code: int | None = None
    error_message: str | None = None
    timestamp: float | None = None


class _Transcribed(Struct):
    detail: _Transcription
    time: datetime | None = None


class _Converted(Struct):
    detail: _Conversion
    time: datetime | None = None


_completion = json_decoder(_Completion)
_synthesis = json_decoder(_Synthesis)
_transcribed = json_decoder(_Transcribed)
_converted = json_decoder(_Converted)


def from_completion(message: JsonObject, received_at: datetime) -> JobCompletion:
    """Read what Rekognition or Textract publishes about a job. Raises `Unreadable`."""
    found = _completion(message)
    return JobCompletion(
        service="textract" if found.document_location else "rekognition",
        operation=_operation(found.operation),
        job_id=found.job_id,
        token=found.job_tag or "",
        succeeded=succeeded(found.status),
        message=found.message or found.status_message or found.status,
        time=milliseconds(found.timestamp, received_at),
    )


def from_polly(message: JsonObject, received_at: datetime) -> JobCompletion:
    """Read what Polly publishes about a task. The token is a folder of the output, which is all that we can name."""
    found = _synthesis(message)
    tokens = [part for part in found.output_uri.split("/") if token_stage(part)]
    return JobCompletion(
        service="polly",
        operation="StartSpeechSynthesisTask",
        job_id=found.task_id,
        token=tokens[0] if len(tokens) == 1 else "",
        succeeded=succeeded(found.task_status.upper()),
        message=found.task_status_reason or found.task_status,
        time=received_at,
    )


def from_transcribe(event: JsonObject, received_at: datetime) -> JobCompletion:
    """Read an event of Transcribe. It says nothing of a job's cause but its name, which is therefore its token."""
    found = _transcribed(event)
    name = found.detail.transcription_job_name
    good = succeeded(found.detail.transcription_job_status)
    if good is not None and not name:
        raise ParseError("a transcription without a name has ended")
    return JobCompletion(
        service="transcribe",
        operation="StartTranscriptionJob",
        job_id=name,
        token=name,
        succeeded=good,
        message=found.detail.failure_reason or "",
        time=parse_timestamp(found.time, received_at),
    )


def from_mediaconvert(event: JsonObject, received_at: datetime) -> JobCompletion | None:
    """Read an event of MediaConvert; None for its word, about once a minute, that a job goes on.

    A job carries its token among its user metadata, under whatever name.
    """
    found = _converted(event)
    detail = found.detail
    if detail.status in _PROGRESS:
        return None
    good = succeeded(detail.status)
    if good is not None and not detail.job_id:
        raise ParseError("a conversion without an id has ended")
    carried = (detail.user_metadata or {}).values()
    tokens = [value for value in carried if isinstance(value, str) and token_stage(value)]
    why = (str(detail.error_code) if detail.error_code else "", detail.error_message or detail.status)
    return JobCompletion(
        service="mediaconvert",
        operation="CreateJob",
        job_id=detail.job_id,
        token=tokens[0] if len(tokens) == 1 else "",
        succeeded=good,
        message=": ".join(filter(None, why)),
        time=milliseconds(detail.timestamp, parse_timestamp(found.time, received_at)),
    )


BY_EVENTBRIDGE: Mapping[str, Callable[[JsonObject, datetime], JobCompletion | None]] = {
    "aws.transcribe": from_transcribe,
    "aws.mediaconvert": from_mediaconvert,
}
"""Who tells of jobs by EventBridge, and how that is read."""


def is_headrace_job(ending: JobCompletion) -> bool:
    """Whether a job has ended that one of our stages started: those of others in the account are not our business."""
    return ending.succeeded is not None and token_stage(ending.token) is not None


def to_event(ending: JobCompletion) -> EventWithMetadata:
    """Make the record of the end of a job of ours."""
    event = JobFinished(
        token=ending.token,
        service=ending.service,
        operation=ending.operation,
        job_id=ending.job_id,
        status="succeeded" if ending.succeeded else "failed",
        message=None if ending.succeeded else ending.message or None,
        finished_at=ending.time,
    )
    id_ = job_end_id(ending.service, ending.job_id, ending.token, event.status)
    return event, new_metadata(event, id_, f"aws.{ending.service}", ending.time)


def _operation(name: str) -> str:
    """Spell an operation in one way; `LABEL_DETECTION` is how some pages spell `StartLabelDetection`."""
    return "Start" + name.title().replace("_", "") if name.isupper() else name
