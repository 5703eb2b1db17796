"""Ends of jobs that AWS services work on: Rekognition and Textract by SNS, Transcribe and MediaConvert by EventBridge.

Sources: Amazon Rekognition Developer Guide, "Getting the analysis results"; Amazon Textract Developer Guide,
"Configuring asynchronous operations"; Amazon Transcribe Developer Guide and AWS Elemental MediaConvert User Guide,
"Using EventBridge".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.envelopes import envelope
from connectors.fields import milliseconds, moment, optional_text, text
from connectors.translation import Fact
from schemas.identity import named_id, token_stage
from schemas.records import JobFinished

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


@dataclass(frozen=True, slots=True)
class Ending:
    """What a service says of a job, in whatever words."""

    service: str
    operation: str
    job_id: str
    token: str
    good: bool
    message: str
    moment: datetime


def is_completion(found: dict[str, Any]) -> bool:
    """Whether a message is what Rekognition and Textract publish about a job."""
    return {"JobId", "Status", "API"} <= found.keys()


def service_of(found: dict[str, Any]) -> str:
    """Name the service that published a completion."""
    return "textract" if "DocumentLocation" in found else "rekognition"


def operation_of(found: dict[str, Any]) -> str:
    """Name the operation of a completion; `LABEL_DETECTION` is how some pages spell `StartLabelDetection`."""
    name = text(found, "API")
    return "Start" + name.title().replace("_", "") if name.isupper() else name


def from_completion(found: dict[str, Any], received_at: datetime) -> Ending | None:
    """Read a completion of Rekognition or Textract; None for a status that is no end."""
    status = text(found, "Status")
    if status not in _GOOD:
        return None
    return Ending(
        service=service_of(found),
        operation=operation_of(found),
        job_id=text(found, "JobId"),
        token=optional_text(found, "JobTag"),
        good=_GOOD[status],
        message=optional_text(found, "Message") or optional_text(found, "StatusMessage") or status,
        moment=milliseconds(found, "Timestamp", received_at),
    )


def from_eventbridge(event: dict[str, Any], received_at: datetime) -> Ending | None:
    """Read the end of a transcription or a conversion; None for any other event."""
    detail = event.get("detail")
    if not isinstance(detail, dict):
        return None
    if event.get("source") == "aws.transcribe" and optional_text(detail, "TranscriptionJobStatus") in _GOOD:
        return _transcription(detail, moment(event, "time", received_at))
    if event.get("source") == "aws.mediaconvert" and optional_text(detail, "status") in _GOOD:
        return _conversion(detail, moment(event, "time", received_at))
    return None


def is_progress(event: dict[str, Any]) -> bool:
    """Whether an EventBridge event is MediaConvert's word, about once a minute, that a job goes on."""
    return event.get("source") == "aws.mediaconvert" and optional_text(event.get("detail"), "status") in (
        "STATUS_UPDATE",
        "PROGRESSING",
        "INPUT_INFORMATION",
    )


def is_ours(ending: Ending) -> bool:
    """Whether one of our stages started the job: jobs of others in the same account are none of its business."""
    return token_stage(ending.token) is not None


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
    id_ = named_id("job", ending.service, ending.job_id, ending.token, event.status)
    return event, envelope(event, id_, f"aws.{ending.service}", ending.moment)


def _transcription(detail: dict[str, Any], when: datetime) -> Ending:
    """A transcription says nothing of its cause but its name, which is therefore its token."""
    name = text(detail, "TranscriptionJobName", "detail.")
    return Ending(
        service="transcribe",
        operation="StartTranscriptionJob",
        job_id=name,
        token=name,
        good=_GOOD[detail["TranscriptionJobStatus"]],
        message=optional_text(detail, "FailureReason"),
        moment=when,
    )


def _conversion(detail: dict[str, Any], when: datetime) -> Ending:
    """A conversion carries its token among its user metadata, under whatever name."""
    metadata = detail.get("userMetadata")
    carried = metadata.values() if isinstance(metadata, dict) else ()
    tokens = [value for value in carried if isinstance(value, str) and token_stage(value)]
    return Ending(
        service="mediaconvert",
        operation="CreateJob",
        job_id=text(detail, "jobId", "detail."),
        token=tokens[0] if len(tokens) == 1 else "",
        good=_GOOD[detail["status"]],
        message=optional_text(detail, "errorMessage") or detail["status"],
        moment=milliseconds(detail, "timestamp", when),
    )
