"""The transition function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.execution.aborts import abort_execution
from headrace.streams.machines.execution.answers import apply_answer, apply_child
from headrace.streams.machines.execution.commands import Command
from headrace.streams.machines.execution.draft import Draft, HistoryFullError
from headrace.streams.machines.execution.events import HistoryEvent
from headrace.streams.machines.execution.failures import error_details
from headrace.streams.machines.execution.flow import finish
from headrace.streams.machines.execution.map_run_update import update_map_run
from headrace.streams.machines.execution.record import (
    ROOT_BRANCH,
    Execution,
    FlowBranch,
)
from headrace.streams.machines.execution.redrive import redrive, redrive_obstacle
from headrace.streams.machines.execution.run import end_full_history, run
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    Heartbeat,
    RedriveExecution,
    StartExecution,
    Stimulus,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    UpdateMapRun,
)
from headrace.streams.machines.execution.timers import apply_timer, start_timeout


class ExecutionTransition(Struct, frozen=True):
    """What a stimulus leads to. `execution` is the same object if the stimulus changed nothing."""

    execution: Execution
    events: Sequence[HistoryEvent] = ()
    commands: Sequence[Command] = ()


def advance(machine: Machine, execution: Execution | None, stimulus: Stimulus) -> ExecutionTransition:
    """Apply a stimulus to an execution; the first stimulus is `StartExecution`, without an execution.

    A stimulus that nothing waits for, such as a redelivered answer, changes nothing.

    Raises:
        ValueError: The first stimulus is not `StartExecution`.
    """
    if execution is None:
        if not isinstance(stimulus, StartExecution):
            raise ValueError(f"{type(stimulus).__name__} before StartExecution: the execution does not exist")
        execution = _new_execution(stimulus)
    elif isinstance(stimulus, StartExecution) or not _is_open_for(machine, execution, stimulus):
        return ExecutionTransition(execution)
    draft = Draft(machine, execution, stimulus.now, stimulus.seed)
    try:
        if not APPLIERS[type(stimulus)](draft, stimulus):
            return ExecutionTransition(execution)
        run(draft)
    except HistoryFullError:
        end_full_history(draft)
    draft.execution.sequence += 1
    return ExecutionTransition(draft.execution, draft.events, draft.commands)


def _is_open_for(machine: Machine, execution: Execution, stimulus: Stimulus) -> bool:
    if isinstance(stimulus, RedriveExecution):
        is_next = stimulus.number == execution.redrive_count + 1
        return is_next and redrive_obstacle(machine, execution) is None
    return execution.status == "RUNNING"


def _new_execution(start: StartExecution) -> Execution:
    return Execution(
        id=start.id,
        name=start.name,
        machine_id=start.machine_id,
        machine_name=start.machine_name,
        role_arn=start.role_arn,
        input=start.input,
        flow=start.flow,
        started_at=start.now,
        limits=start.limits,
        branches={},
        map_run_arn=start.map_run_arn,
    )


def _start(draft: Draft, stimulus: StartExecution) -> bool:
    root = FlowBranch(
        id=ROOT_BRANCH,
        parent=None,
        index=0,
        flow=stimulus.flow,
        state=draft.machine.flows[stimulus.flow].start_at,
        input=stimulus.input,
        variables={},
        entered_at=stimulus.now,
    )
    draft.emit(root, "ExecutionStarted", {"input": stimulus.input, "roleArn": stimulus.role_arn})
    draft.add_branch(root)
    start_timeout(draft)
    return True


def _stop(draft: Draft, stimulus: StopExecution) -> bool:
    if stimulus.redrive_count != draft.execution.redrive_count:
        return False
    abort_execution(draft)
    draft.emit_end("ExecutionAborted", error_details(stimulus.error, stimulus.cause))
    finish(draft, "ABORTED", stimulus.error, stimulus.cause)
    return True


def _redrive(draft: Draft, stimulus: RedriveExecution) -> bool:
    redrive(draft, stimulus)
    start_timeout(draft)
    return True


# A table of functions by type; mypy cannot relate the type of a key to that of its function.
APPLIERS: Final[dict[type[Stimulus], Callable[..., bool]]] = {
    StartExecution: _start,
    TaskStarted: apply_answer,
    TaskSubmitted: apply_answer,
    TaskSucceeded: apply_answer,
    TaskFailed: apply_answer,
    Heartbeat: apply_answer,
    TimerFired: apply_timer,
    ChildFinished: apply_child,
    StopExecution: _stop,
    RedriveExecution: _redrive,
    UpdateMapRun: update_map_run,
}
