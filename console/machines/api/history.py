"""History events in the form of the AWS API: payloads are JSON texts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from headrace.connectors.aws.aws_shapes import service_model
from headrace.console.machines.payloads import Details
from headrace.console.machines.port import ApiParams
from headrace.console.views.queries.executions import StoredEvent
from headrace.streams.machines.json_text import compact

SERVICE = "stepfunctions"
PAYLOADS = ("input", "output")
ABRUPT_ENDS = ("ExecutionAborted", "ExecutionTimedOut")


def history_event(event: StoredEvent, details: Details, with_data: bool = True) -> ApiParams:
    """Return an event. `with_data`: with inputs and outputs."""
    answer: ApiParams = {
        "timestamp": datetime.fromtimestamp(event.at, UTC),
        "type": event.type,
        "id": event.id,
        "previousEventId": _previous(event),
    }
    name, members = _details_member(event.type)
    if name:
        answer[name] = {member: value for member, value in _wire(details, with_data).items() if member in members}
    return answer


def _previous(event: StoredEvent) -> int:
    """Return the event before it, as AWS counts: the start of an execution, and what ends it abruptly, have none."""
    return 0 if event.previous == 1 or event.type in ABRUPT_ENDS else event.previous


def _wire(details: Details, with_data: bool) -> ApiParams:
    answer: ApiParams = {}
    for name, value in details.items():
        if name in PAYLOADS:
            if with_data:
                answer |= {name: compact(value), f"{name}Details": {"truncated": False}}
        elif name == "parameters":
            answer[name] = compact(value)
        elif name == "assignedVariables":
            answer |= {name: value, f"{name}Details": {"truncated": False}}
        elif name == "taskCredentials":
            role = value.get("RoleArn") if isinstance(value, dict) else None
            answer[name] = {"roleArn": role} if isinstance(role, str) else {}
        elif value is not None:
            answer[name] = value
    return answer


@cache
def _details_member(event_type: str) -> tuple[str, frozenset[str]]:
    """Return the member of an event that has its details, and their members; an empty name if it has none."""
    shape: Any = service_model(SERVICE).shape_for("HistoryEvent")
    for suffix in ("StateEntered", "StateExited"):
        if event_type.endswith(suffix):
            event_type = suffix
    name = f"{event_type[0].lower()}{event_type[1:]}EventDetails"
    member = shape.members.get(name)
    return (name, frozenset(member.members)) if member is not None else ("", frozenset())
