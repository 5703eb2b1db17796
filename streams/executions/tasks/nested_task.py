"""The task `states:startExecution`, which starts an execution of another machine."""

from __future__ import annotations

from headrace.streams.executions.definitions import DefinitionTable, UnknownMachineError
from headrace.streams.executions.inbox import ParentLink, ResolvedStart
from headrace.streams.executions.nested import nested_target
from headrace.streams.executions.tasks.ports import ScheduledWork, TaskError
from headrace.streams.machines.execution.resources import Resource
from headrace.streams.machines.execution.stimuli import StartExecution
from headrace.streams.machines.json_types import Json


def nested_start(
    definitions: DefinitionTable, resource: Resource, value: Json, work: ScheduledWork
) -> tuple[ResolvedStart, Json]:
    """Return the start of the execution, and the result of the task until the execution ends.

    Raises:
        TaskError: The machine does not exist, or the parameters are invalid.
    """
    if not isinstance(value, dict) or not isinstance(value.get("StateMachineArn"), str):
        raise TaskError("States.Runtime", "The parameters of startExecution need StateMachineArn.")
    try:
        target = nested_target(definitions, work.execution, work.task, value, (work.seed % 1_000) / 1_000)
    except UnknownMachineError as error:
        raise TaskError("StepFunctions.StateMachineDoesNotExistException", str(error)) from error
    resolved, name, execution = target
    machine = resolved.machine
    stimulus = StartExecution(
        work.now,
        work.seed,
        id=execution,
        name=name,
        input=value.get("Input", {}),
        machine_id=machine.arn,
        machine_name=machine.name,
        role_arn=machine.role_arn,
    )
    parent = None
    if resource.pattern == "sync":
        parent = ParentLink(work.execution, work.task, "task", resource.api)
    result = {"ExecutionArn": execution, "StartDate": int(work.now.timestamp() * 1000)}
    return ResolvedStart(stimulus, resolved.revision, resolved.version, resolved.alias, parent), result
