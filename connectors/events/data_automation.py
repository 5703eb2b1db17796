"""Job state changes of Amazon Bedrock Data Automation, by EventBridge.

Sources: Amazon EventBridge Events Reference, "Amazon Bedrock events"; Amazon Bedrock User Guide, "How EventBridge for
Amazon Bedrock works", the sample event.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from headrace.connectors.events.decoding import JsonObject, json_decoder, parse_timestamp
from headrace.connectors.events.event_source import EventSource, QueueScope
from headrace.connectors.events.jobs import JobCompletion, is_headrace_job, to_event
from headrace.connectors.events.results import EventWithMetadata, ParseError
from headrace.schemas.ids import token_stage
from headrace.schemas.jobs import DATA_AUTOMATION

_SUCCEEDED = "Bedrock Data Automation Job Succeeded"
_FAILED = (
    "Bedrock Data Automation Job Failed With Client Error",
    "Bedrock Data Automation Job Failed With Service Error",
)
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class _Location(Struct):
    name: str = ""


class _Job(Struct):
    job_id: str = ""
    output_s3_location: _Location | None = None
    error_message: str | None = None


class _Event(Struct):
    detail: _Job
    detail_type: str = field(name="detail-type", default="")
    account: str = ""
    region: str = ""
    time: datetime | None = None


_event = json_decoder(_Event)


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match the end of a job. Bedrock has other events, such as those of batch inference."""
    return source == "aws.bedrock" and detail_type in (_SUCCEEDED, *_FAILED)


def parse(message: JsonObject, received_at: datetime) -> EventWithMetadata | None:
    """Parse the end of a job; None if no Headrace job has ended. Raises `ParseError`.

    The event has no client token: the token is a folder of the output location.
    """
    event = _event(message)
    job = event.detail
    if not job.job_id:
        raise ParseError("a finished job of Bedrock Data Automation has no id")
    completion = JobCompletion(
        service=DATA_AUTOMATION,
        operation="InvokeDataAutomationAsync",
        job_id=_invocation(event),
        token=_token(job.output_s3_location),
        succeeded=event.detail_type == _SUCCEEDED,
        message=job.error_message or event.detail_type,
        time=parse_timestamp(event.time, received_at),
    )
    return to_event(completion) if is_headrace_job(completion) else None


def pattern(queue: QueueScope) -> Mapping[str, Any]:
    """Select the ends of jobs."""
    return {"source": ["aws.bedrock"], "detail-type": [_SUCCEEDED, *_FAILED]}


def _invocation(event: _Event) -> str:
    """Return the ARN of a job, which its start returned. The event has only the last part of it."""
    partition = next((name for prefix, name in _PARTITIONS.items() if event.region.startswith(prefix)), "aws")
    owner = f"{event.region}:{event.account}"
    return f"arn:{partition}:bedrock:{owner}:data-automation-invocation/{event.detail.job_id}"


def _token(output: _Location | None) -> str:
    """Return the job token of an output location, such as `_insights/TOKEN/JOB/0`; empty if it has none, or several."""
    folders = (output.name if output else "").split("/")
    tokens = [folder for folder in folders if token_stage(folder)]
    return tokens[0] if len(tokens) == 1 else ""


SOURCE = EventSource("bedrock-data-automation", "event", "eventbridge", matches, parse, pattern=pattern)
