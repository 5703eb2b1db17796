"""Enter and leave states, and end branches."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.streams.machines.definition.model import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from headrace.streams.machines.execution.commands import FinishExecution
from headrace.streams.machines.execution.data_flow import Completed
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.limits import check_assigned, check_state_output, check_variables
from headrace.streams.machines.execution.record import ChildOutcome, ExecutionStatus, FlowBranch
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

TYPE_NAMES: Mapping[type[State], str] = {
    PassState: "Pass",
    TaskState: "Task",
    ChoiceState: "Choice",
    WaitState: "Wait",
    SucceedState: "Succeed",
    FailState: "Fail",
    ParallelState: "Parallel",
    MapState: "Map",
}
ENTERED = {kind: f"{name}StateEntered" for kind, name in TYPE_NAMES.items()}
EXITED = {kind: f"{name}StateExited" for kind, name in TYPE_NAMES.items()}


def go_to(draft: Draft, branch: FlowBranch, state: str, value: Json) -> None:
    """Move a branch to a state, which it enters when its turn comes."""
    branch.state = state
    branch.input = value
    branch.entered = 0
    branch.retries = ()
    branch.work = None
    draft.queue.appendleft((branch.id, None))


def enter(draft: Draft, branch: FlowBranch, state: State) -> None:
    """Record that a branch is in its state."""
    branch.entered_at = draft.now
    branch.entered = draft.emit(branch, ENTERED[type(state)], {"name": state.name, "input": branch.input})


def leave(draft: Draft, branch: FlowBranch, state: State, completed: Completed, following: str | None) -> None:
    """Leave a state, and go to the following one or end the branch.

    Raises:
        StatesError: The output or the variables exceed the limit of the execution.
    """
    check_state_output(draft.execution.limits, state.name, completed.output)
    details = {"name": state.name, "output": completed.output}
    if completed.assigned:
        check_assigned(draft.execution.limits, state.name, completed.assigned)
        details["assignedVariables"] = {name: compact(value) for name, value in completed.assigned.items()}
        branch.variables = {**branch.variables, **completed.assigned}
        check_variables(draft.execution.limits, state.name, branch.variables)
    draft.emit(branch, EXITED[type(state)], details)
    if following is not None:
        go_to(draft, branch, following, completed.output)
    elif branch.parent is None:
        draft.emit_end("ExecutionSucceeded", {"output": completed.output})
        draft.execution.output = completed.output
        finish(draft, "SUCCEEDED")
    else:
        branch.work = None
        draft.queue.appendleft((branch.id, ChildOutcome(output=completed.output)))


def finish(draft: Draft, status: ExecutionStatus, error: str | None = None, cause: str | None = None) -> None:
    """End the execution with a status."""
    execution = draft.execution
    execution.status = status
    execution.error = error
    execution.cause = cause
    execution.stopped_at = draft.now
    draft.queue.clear()
    draft.commands.append(FinishExecution(status, execution.output, error, cause))
