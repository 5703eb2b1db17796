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

from headrace.connectors.events.decoding import ABSENT, Json, Text, milliseconds, moment, reader
from headrace.connectors.events.metadata import envelope
from headrace.connectors.events.results import Fact, Unreadable
from headrace.schemas.ids import job_end_id, token_stage
from headrace.schemas.records import JobFinished

_GOOD = {
    "SUCCEEDED": True,
    "PARTIAL_SUCCESS": True,
    "COMPLETED": True,
    "COMPLETE": True,
    "FAILED": False,
    "ERROR": False,
    "CANCELED": False,
}
"""Every word by which a service says that a job has ended, and whether there is a result."""

_PROGRESS = ("STATUS_UPDATE", "PROGRESSING", "INPUT_INFORMATION")


@dataclass(frozen=True, slots=True)
class Ending:
    """What a service says of a job, in whatever words. `good` is None while the job has not ended."""

    service: str
    operation: str
    job_id: str
    token: str
    good: bool | None
    message: str
    moment: datetime


class _Completion(Struct, rename="pascal"):
    job_id: Text
    status: Text
    operation: Text = field(name="API")
    job_tag: str | None = None
    message: str | None = None
    status_message: str | None = None
    timestamp: float | None = None
    document_location: Raw = ABSENT


class _Synthesis(Struct, rename="camel"):
    task_id: Text
    task_status: Text
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


_completion = reader(_Completion)
_synthesis = reader(_Synthesis)
_transcribed = reader(_Transcribed)
_converted = reader(_Converted)


def from_completion(message: Json, received_at: datetime) -> Ending:
    """Read what Rekognition or Textract publishes about a job. Raises `Unreadable`."""
    found = _completion(message)
    return Ending(
        service="textract" if found.document_location else "rekognition",
        operation=_operation(found.operation),
        job_id=found.job_id,
        token=found.job_tag or "",
        good=_GOOD.get(found.status),
        message=found.message or found.status_message or found.status,
        moment=milliseconds(found.timestamp, received_at),
    )


def from_polly(message: Json, received_at: datetime) -> Ending:
    """Read what Polly publishes about a task. The token is a folder of the output, which is all that we can name."""
    found = _synthesis(message)
    tokens = [part for part in found.output_uri.split("/") if token_stage(part)]
    return Ending(
        service="polly",
        operation="StartSpeechSynthesisTask",
        job_id=found.task_id,
        token=tokens[0] if len(tokens) == 1 else "",
        good=_GOOD.get(found.task_status.upper()),
        message=found.task_status_reason or found.task_status,
        moment=received_at,
    )


def from_transcribe(event: Json, received_at: datetime) -> Ending:
    """Read an event of Transcribe. It says nothing of a job's cause but its name, which is therefore its token."""
    found = _transcribed(event)
    name = found.detail.transcription_job_name
    good = _GOOD.get(found.detail.transcription_job_status)
    if good is not None and not name:
        raise Unreadable("a transcription without a name has ended")
    return Ending(
        service="transcribe",
        operation="StartTranscriptionJob",
        job_id=name,
        token=name,
        good=good,
        message=found.detail.failure_reason or "",
        moment=moment(found.time, received_at),
    )


def from_mediaconvert(event: Json, received_at: datetime) -> Ending | None:
    """Read an event of MediaConvert; None for its word, about once a minute, that a job goes on.

    A job carries its token among its user metadata, under whatever name.
    """
    found = _converted(event)
    detail = found.detail
    if detail.status in _PROGRESS:
        return None
    good = _GOOD.get(detail.status)
    if good is not None and not detail.job_id:
        raise Unreadable("a conversion without an id has ended")
    carried = (detail.user_metadata or {}).values()
    tokens = [value for value in carried if isinstance(value, str) and token_stage(value)]
    why = (str(detail.error_code) if detail.error_code else "", detail.error_message or detail.status)
    return Ending(
        service="mediaconvert",
        operation="CreateJob",
        job_id=detail.job_id,
        token=tokens[0] if len(tokens) == 1 else "",
        good=good,
        message=": ".join(filter(None, why)),
        moment=milliseconds(detail.timestamp, moment(found.time, received_at)),
    )


BY_EVENTBRIDGE: Mapping[str, Callable[[Json, datetime], Ending | None]] = {
    "aws.transcribe": from_transcribe,
    "aws.mediaconvert": from_mediaconvert,
}
"""Who tells of jobs by EventBridge, and how that is read."""


def is_ours(ending: Ending) -> bool:
    """Whether a job has ended that one of our stages started: those of others in the account are not our business."""
    return ending.good is not None and token_stage(ending.token) is not None


def fact_of(ending: Ending) -> Fact:
    """Make the record of the end of a job of ours."""
    event = JobFinished(
        token=ending.token,
        service=ending.service,
        operation=ending.operation,
        job_id=ending.job_id,
        status="succeeded" if ending.good else "failed",
        message=None if ending.good else ending.message or None,
        finished_at=ending.moment,
    )
    id_ = job_end_id(ending.service, ending.job_id, ending.token, event.status)
    return event, envelope(event, id_, f"aws.{ending.service}", ending.moment)


def _operation(name: str) -> str:
    """Spell an operation in one way; `LABEL_DETECTION` is how some pages spell `StartLabelDetection`."""
    return "Start" + name.title().replace("_", "") if name.isupper() else name
