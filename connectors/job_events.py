"""Completions of jobs that AWS services work on: Rekognition and Textract by SNS, Transcribe by EventBridge.

Sources: Amazon Rekognition Developer Guide, "Getting the analysis results"; Amazon Textract Developer Guide,
"Configuring asynchronous operations"; Amazon Transcribe Developer Guide, "Using EventBridge".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.envelopes import envelope
from connectors.fields import member, milliseconds, moment, optional_text, text
from connectors.translation import Fact
from schemas.identity import named_id, token_stage
from schemas.records import JobFinished


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
    """Whether a message is what Rekognition and Textract publish when a job has ended."""
    return {"JobId", "Status", "API"} <= found.keys()


def from_completion(found: dict[str, Any]) -> Ending:
    """Read a completion of Rekognition or Textract."""
    status = text(found, "Status")
    return Ending(
        service="textract" if "DocumentLocation" in found else "rekognition",
        operation=text(found, "API"),
        job_id=text(found, "JobId"),
        token=optional_text(found, "JobTag"),
        good=status == "SUCCEEDED",
        message=optional_text(found, "Message") or optional_text(found, "StatusMessage") or status,
        moment=milliseconds(member(found, "Timestamp"), "Timestamp"),
    )


def is_transcription(event: dict[str, Any]) -> bool:
    """Whether an EventBridge event tells that a transcription has ended."""
    state = optional_text(event.get("detail"), "TranscriptionJobStatus")
    return event.get("source") == "aws.transcribe" and state in ("COMPLETED", "FAILED")


def from_transcription(event: dict[str, Any]) -> Ending:
    """Read the end of a transcription, whose name is its token."""
    detail = event["detail"]
    name = text(detail, "TranscriptionJobName", "detail.")
    return Ending(
        service="transcribe",
        operation="StartTranscriptionJob",
        job_id=name,
        token=name,
        good=detail["TranscriptionJobStatus"] == "COMPLETED",
        message=optional_text(detail, "FailureReason"),
        moment=moment(text(event, "time"), "time"),
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
