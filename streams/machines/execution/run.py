"""Run the branches of an execution until each waits for a stimulus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.execution.aborts import abort_execution
from headrace.streams.machines.execution.commands import SetTimer
from headrace.streams.machines.execution.draft import Draft, HistoryFullError, Joined, StateFailure
from headrace.streams.machines.execution.failures import error_details, fail, failure_of
from headrace.streams.machines.execution.flow import enter, finish
from headrace.streams.machines.execution.record import ROOT_BRANCH, FlowBranch, GroupWork, MapRunWork
from headrace.streams.machines.execution.states.choice_state import run_choice
from headrace.streams.machines.execution.states.fail_state import run_fail
from headrace.streams.machines.execution.states.group import child_failed, child_succeeded, start_children
from headrace.streams.machines.execution.states.map_run import continue_run
from headrace.streams.machines.execution.states.map_state import run_map
from headrace.streams.machines.execution.states.parallel_state import run_parallel
from headrace.streams.machines.execution.states.pass_state import run_pass
from headrace.streams.machines.execution.states.succeed_state import run_succeed
from headrace.streams.machines.execution.states.task_state import run_task
from headrace.streams.machines.execution.states.wait_state import run_wait

MAX_STEPS = 100_000
"""Steps of one transition. A longer transition continues with a timer, so that a loop without an end stops nothing."""

# A table of functions by type; mypy cannot relate the type of a key to that of its function.
RUNNERS: Final[dict[type[State], Callable[..., None]]] = {
    PassState: run_pass,
    ChoiceState: run_choice,
    TaskState: run_task,
    WaitState: run_wait,
    SucceedState: run_succeed,
    FailState: run_fail,
    ParallelState: run_parallel,
    MapState: run_map,
}


def run(draft: Draft) -> None:
    """Run branches and join ended branches until the queue is empty, or the history is full."""
    try:
        while draft.queue:
            if draft.steps >= MAX_STEPS and all(joined is None for _, joined in draft.queue):
                _continue_later(draft)
                return
            draft.steps += 1
            branch_id, joined = draft.queue.popleft()
            branch = draft.execution.branches.get(branch_id)
            if branch is None or branch.status == "aborted":
                continue
            if joined is None:
                _step(draft, draft.branch(branch_id))
            else:
                _join(draft, draft.branch(branch_id), joined)
    except HistoryFullError:
        end_full_history(draft)


def guarded(draft: Draft, branch: FlowBranch, action: Callable[[], None]) -> None:
    """Call a function, and let the state of a branch fail if the function raises an error of the language."""
    try:
        action()
    except StatesError as error:
        fail(draft, branch, failure_of(branch, error))


def end_full_history(draft: Draft) -> None:
    """Let the execution fail because its history is full. Nothing catches this failure."""
    cause = f"The execution reached the maximum number of history events ({draft.execution.limits.events})."
    abort_execution(draft)
    draft.emit_end("ExecutionFailed", error_details(RUNTIME, cause))
    finish(draft, "FAILED", RUNTIME, cause)


def _continue_later(draft: Draft) -> None:
    timer = f"{ROOT_BRANCH}.{draft.new_key()}.continue"
    draft.execution.continuation = timer
    draft.commands.append(SetTimer(timer, draft.now))


def _step(draft: Draft, branch: FlowBranch) -> None:
    state = draft.state(branch)
    if not branch.entered:
        enter(draft, branch, state)
    try:
        if branch.work is None:
            RUNNERS[type(state)](draft, branch, state)
        else:
            _resume(draft, branch, state)
    except StatesError as error:
        fail(draft, branch, failure_of(branch, error))


def _resume(draft: Draft, branch: FlowBranch, state: State) -> None:
    """Continue the children of a redriven state."""
    if isinstance(branch.work, GroupWork) and isinstance(state, MapState | ParallelState):
        start_children(draft, branch, state, branch.work)
    elif isinstance(branch.work, MapRunWork) and isinstance(state, MapState):
        continue_run(draft, branch, state, branch.work)


def _join(draft: Draft, child: FlowBranch, joined: Joined) -> None:
    """Give the outcome of a child to the state that waits for it."""
    if child.parent is None:
        return
    branch = draft.branch(child.parent)
    state = draft.state(branch)
    if not isinstance(state, MapState | ParallelState):
        return
    if isinstance(joined, StateFailure):
        child_failed(draft, branch, state, child, joined)
    else:
        guarded(draft, branch, lambda: child_succeeded(draft, branch, state, child, joined))
