"""Executions that a task starts: `states:startExecution`, also `.sync` and `.sync:2`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from headrace.schemas.ids import derived_id
from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.definitions import DefinitionTable, ResolvedMachine, UnknownMachineError
from headrace.streams.executions.inbox import ParentLink
from headrace.streams.machines.errors import TASK_FAILED
from headrace.streams.machines.execution.commands import Command, SubmitTask
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.stimuli import TaskFailed, TaskSucceeded
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

PARSED_OUTPUT = ".sync:2"
"""The end of the pattern whose result has input and output as JSON instead of text."""


SERVICE = "states"


class NestedTarget(NamedTuple):
    """The machine and the execution that a task starts."""

    resolved: ResolvedMachine
    name: str
    execution: str


def nested_target(
    definitions: DefinitionTable, parent: str, task: str, value: Mapping[str, Json], draw: float = 0.0
) -> NestedTarget:
    """Return what a task of an execution starts; `draw`, from 0 to 1, chooses a route of an alias.

    Raises:
        UnknownMachineError: The machine does not exist.
    """
    resolved = definitions.resolve(str(value.get("StateMachineArn")), draw)
    name = str(value.get("Name", derived_id(parent, "machine-tasks", task)))
    return NestedTarget(resolved, name, execution_arn(resolved.machine.arn, name))


def nested_executions(definitions: DefinitionTable, execution: str, commands: Sequence[Command]) -> Mapping[str, str]:
    """Return the executions that submitted tasks start and wait for, by task."""
    return {
        command.task: nested
        for command in commands
        if isinstance(command, SubmitTask) and (nested := _waits_for(definitions, execution, command))
    }


def _waits_for(definitions: DefinitionTable, execution: str, command: SubmitTask) -> str | None:
    resource = parse_resource(command.resource)
    if resource.service != SERVICE or resource.pattern != "sync" or not isinstance(command.input, Mapping):
        return None
    try:
        return nested_target(definitions, execution, command.task, command.input).execution
    except UnknownMachineError:  # the task will fail
        return None


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
