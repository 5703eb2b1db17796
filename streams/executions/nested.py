"""Executions that a task starts: `states:startExecution`, also `.sync` and `.sync:2`."""

from __future__ import annotations

from datetime import datetime

from headrace.streams.executions.inbox import ParentLink
from headrace.streams.machines.errors import TASK_FAILED
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.stimuli import TaskFailed, TaskSucceeded
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

PARSED_OUTPUT = ".sync:2"
"""The end of the pattern whose result has input and output as JSON instead of text."""


def nested_answer(execution: Execution, parent: ParentLink, now: datetime, seed: int) -> TaskSucceeded | TaskFailed:
    """Return what an ended execution answers to the task that started it: the execution as AWS describes it."""
    description = described(execution, parsed=parent.pattern.endswith(PARSED_OUTPUT))
    if execution.status == "SUCCEEDED":
        return TaskSucceeded(now, seed, parent.reference, description)
    return TaskFailed(now, seed, parent.reference, TASK_FAILED, compact(description))


def described(execution: Execution, *, parsed: bool) -> Json:
    """Return an ended execution with the fields of DescribeExecution; times are in milliseconds since 1970."""
    stopped = execution.stopped_at
    fields: dict[str, Json] = {
        "ExecutionArn": execution.id,
        "Input": execution.input if parsed else compact(execution.input),
        "InputDetails": {"Included": True},
        "Name": execution.name,
        "RedriveCount": execution.redrive_count,
        "RedriveStatus": "NOT_REDRIVABLE" if execution.status == "SUCCEEDED" else "REDRIVABLE",
        "StartDate": int(execution.started_at.timestamp() * 1000),
        "StateMachineArn": execution.machine_id,
        "Status": execution.status,
        "StopDate": int(stopped.timestamp() * 1000) if stopped else None,
    }
    if execution.status == "SUCCEEDED":
        fields["Output"] = execution.output if parsed else compact(execution.output)
        fields["OutputDetails"] = {"Included": True}
    if execution.error is not None:
        fields["Error"] = execution.error
    if execution.cause is not None:
        fields["Cause"] = execution.cause
    return dict(sorted(fields.items()))
