"""Job completions: the parts that all services share.

A completion of a Headrace job becomes `JobFinished`; one of another job in the account stays an AWS event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headrace.connectors.events.aws_event import aws_event, checked_body
from headrace.connectors.events.decoding import JsonObject
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas.ids import job_end_id, token_stage
from headrace.schemas.records import JobFinished
from headrace.schemas.safe_text import header_text


@dataclass(frozen=True, slots=True)
class JobCompletion:
    """A job status from any service. `succeeded` is None while the job runs."""

    service: str
    operation: str
    job_id: str
    token: str
    succeeded: bool | None
    message: str
    time: datetime


def is_headrace_job(job: JobCompletion) -> bool:
    """Whether the job has ended and was started by a Headrace stage."""
    return job.succeeded is not None and token_stage(job.token) is not None


def to_event(job: JobCompletion) -> EventWithMetadata:
    """Build the `JobFinished` event of a Headrace job."""
    event = JobFinished(
        token=job.token,
        service=job.service,
        operation=job.operation,
        job_id=job.job_id,
        status="succeeded" if job.succeeded else "failed",
        message=None if job.succeeded or not job.message else header_text(job.message),
        finished_at=job.time,
    )
    id_ = job_end_id(job.service, job.job_id, job.token, event.status)
    return event, new_metadata(event, id_, f"aws.{job.service}", job.time)


def to_event_or_aws_event(job: JobCompletion, message: JsonObject) -> EventWithMetadata:
    """Build the event of a completion that is not an EventBridge event."""
    if is_headrace_job(job):
        return to_event(job)
    body = checked_body(message if isinstance(message, str) else bytes(message).decode())
    return aws_event(f"aws.{job.service}", job.operation, job.time, body)
