"""Task completions of Amazon Polly, by SNS."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from msgspec import Struct

from headrace.connectors.events.decoding import JsonObject, JsonText, json_decoder
from headrace.connectors.events.event_source import EventSource
from headrace.connectors.events.jobs import JobCompletion, to_event_or_aws_event
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas.ids import token_stage
from headrace.schemas.jobs import succeeded


class _Synthesis(Struct, rename="camel"):
    task_id: JsonText
    task_status: JsonText
    output_uri: str = ""
    task_status_reason: str | None = None


_synthesis = json_decoder(_Synthesis)


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match a message with a task id and a task status."""
    return "taskId" in members and "taskStatus" in members


def parse(message: JsonObject, received_at: datetime) -> EventWithMetadata:
    """Parse a task completion. The token is a folder of the output, the only name that Headrace can set."""
    task = _synthesis(message)
    tokens = [part for part in task.output_uri.split("/") if token_stage(part)]
    job = JobCompletion(
        service="polly",
        operation="StartSpeechSynthesisTask",
        job_id=task.task_id,
        token=tokens[0] if len(tokens) == 1 else "",
        succeeded=succeeded(task.task_status.upper()),
        message=task.task_status_reason or task.task_status,
        time=received_at,
    )
    return to_event_or_aws_event(job, message)


SOURCE = EventSource("polly", "message", "sns", matches, parse, ("topics",))
