"""The completion message that Amazon Rekognition and Amazon Textract publish to SNS.

Sources: Amazon Rekognition Developer Guide, "Getting the analysis results"; Amazon Textract Developer Guide,
"Configuring asynchronous operations".
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from msgspec import Struct, field

from headrace.connectors.events.decoding import JsonObject, JsonText, json_decoder, milliseconds
from headrace.connectors.events.jobs import JobCompletion, to_event_or_aws_event
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas.jobs import succeeded


class _Completion(Struct, rename="pascal"):
    job_id: JsonText
    status: JsonText
    operation: JsonText = field(name="API")
    job_tag: str | None = None
    message: str | None = None
    status_message: str | None = None
    timestamp: float | None = None


_completion = json_decoder(_Completion)


def is_completion(members: Container[str]) -> bool:
    """Whether a message has the members of a completion."""
    return "JobId" in members and "Status" in members and "API" in members


def parse_completion(service: str, message: JsonObject, received_at: datetime) -> EventWithMetadata:
    """Parse a completion of one of the two services. Raises `ParseError`."""
    completion = _completion(message)
    job = JobCompletion(
        service=service,
        operation=_operation(completion.operation),
        job_id=completion.job_id,
        token=completion.job_tag or "",
        succeeded=succeeded(completion.status),
        message=completion.message or completion.status_message or completion.status,
        time=milliseconds(completion.timestamp, received_at),
    )
    return to_event_or_aws_event(job, message)


def _operation(name: str) -> str:
    """Normalise an operation name; some AWS pages spell `StartLabelDetection` as `LABEL_DETECTION`."""
    return "Start" + name.title().replace("_", "") if name.isupper() else name
