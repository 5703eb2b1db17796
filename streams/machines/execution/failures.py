"""What follows the failure of a state: a retry, a catcher, or the failure of its branch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from headrace.streams.machines.definition.model import (
    Catcher,
    MapState,
    ParallelState,
    Retrier,
    State,
    TaskState,
)
from headrace.streams.machines.errors import (
    ALL,
    QUERY_EVALUATION_ERROR,
    RUNTIME,
    TASK_FAILED,
    TIMEOUT,
    StatesError,
)
from headrace.streams.machines.execution.aborts import abort_children
from headrace.streams.machines.execution.commands import SetTimer
from headrace.streams.machines.execution.data_flow import caught, environment
from headrace.streams.machines.execution.draft import Draft, StateFailure
from headrace.streams.machines.execution.flow import TYPE_NAMES, finish, leave
from headrace.streams.machines.execution.limits import OutputTooLargeError
from headrace.streams.machines.execution.record import ROOT_BRANCH, DatasetWork, DelayWork, FlowBranch, MapRunWork
from headrace.streams.machines.json_types import Json

MAX_DELAY = 31_622_400
"""Maximum seconds before a retry, the bound of MaxDelaySeconds."""

WAITING = (TaskState, MapState, ParallelState)


def failure_of(branch: FlowBranch, error: StatesError) -> StateFailure:
    """Return the failure of a state whose own evaluation fails, with AWS's prefix."""
    if isinstance(error, OutputTooLargeError):
        return StateFailure(error.error, error.cause, fatal=True)
    prefix = f"An error occurred while executing the state '{branch.state}' (entered at the event id #{branch.entered})"
    return StateFailure(error.error, f"{prefix}. {error.cause}", location=error.location)


def fail(draft: Draft, branch: FlowBranch, failure: StateFailure) -> None:
    """Let the current state of a branch fail: retry it, catch the failure, or fail the branch."""
    state = draft.state(branch)
    abort_children(draft, branch)
    if failure.error == QUERY_EVALUATION_ERROR and not failure.inherited:
        _emit_evaluation_failed(draft, branch, failure)
    retriers, catchers = _recovery(state, failure)
    retrier = _matching([retrier.errors for retrier in retriers], failure)
    if retrier is not None and _retry(draft, branch, retriers, retrier):
        return
    if isinstance(branch.work, MapRunWork | DatasetWork):
        draft.emit(branch, "MapRunFailed", error_details(failure.error, failure.cause))
    if isinstance(state, MapState | ParallelState) and (failure.inherited or failure.error != RUNTIME):
        details = {"name": state.name, "error": failure.error, "cause": failure.cause}
        draft.emit(branch, f"{TYPE_NAMES[type(state)]}StateFailed", details)
    catcher = _matching([catcher.errors for catcher in catchers], failure)
    if catcher is None:
        fail_branch(draft, branch, failure)
        return
    try:
        output = {"Error": failure.error or "", "Cause": failure.cause or ""}
        env = environment(draft, branch)
        completed = caught(state.data, env, catchers[catcher], output, f"Catch[{catcher}]/")
        draft.drop_children(branch.id)
        branch.work = None
        leave(draft, branch, state, completed, catchers[catcher].next)
    except StatesError as error:
        own = failure_of(branch, error)
        if own.error == QUERY_EVALUATION_ERROR:
            _emit_evaluation_failed(draft, branch, own)
        fail_branch(draft, branch, own)


def fail_branch(draft: Draft, branch: FlowBranch, failure: StateFailure) -> None:
    """End a branch with a failure, which is the failure of the execution for the root branch."""
    branch.status = "failed"
    if branch.id == ROOT_BRANCH:
        draft.emit_end("ExecutionFailed", error_details(failure.error, failure.cause))
        finish(draft, "FAILED", failure.error, failure.cause)
    else:
        draft.queue.appendleft((branch.id, failure))


def error_details(error: str | None, cause: str | None) -> dict[str, Json]:
    """Return the details of an event that ends something with an error."""
    details = {"error": error, "cause": cause}
    return {name: value for name, value in details.items() if value is not None}


def _recovery(state: State, failure: StateFailure) -> tuple[Sequence[Retrier], Sequence[Catcher]]:
    if failure.fatal or failure.error == RUNTIME or not isinstance(state, WAITING):
        return (), ()
    return state.retriers, state.catchers


def _matching(patterns: Sequence[Sequence[str]], failure: StateFailure) -> int | None:
    """Return the index of the first entry that matches a failure."""
    names = {failure.error, *failure.names, ALL}
    if failure.error != TIMEOUT:
        names.add(TASK_FAILED)
    return next((index for index, errors in enumerate(patterns) if not names.isdisjoint(errors)), None)


def _retry(draft: Draft, branch: FlowBranch, retriers: Sequence[Retrier], index: int) -> bool:
    """Schedule a retry; return false if the retrier has no attempts left."""
    counts = list(branch.retries or (0 for _ in retriers))
    counts += [0] * (len(retriers) - len(counts))
    retrier = retriers[index]
    if counts[index] >= retrier.max_attempts:
        return False
    delay = delay_of(retrier, counts[index])
    if retrier.full_jitter:
        delay *= draft.entropy.fraction()
    counts[index] += 1
    branch.retries = tuple(counts)
    draft.drop_children(branch.id)
    timer = f"{branch.id}.{draft.new_key()}.retry"
    due = draft.now + timedelta(seconds=delay)
    branch.work = DelayWork(timer, due)
    draft.commands.append(SetTimer(timer, due))
    return True


def delay_of(retrier: Retrier, retries: int) -> float:
    """Return the seconds before the next retry, after a number of retries, without jitter."""
    bound = MAX_DELAY if retrier.max_delay is None else retrier.max_delay
    try:
        return min(bound, retrier.interval * retrier.backoff_rate**retries)
    except OverflowError:
        return bound


def _emit_evaluation_failed(draft: Draft, branch: FlowBranch, failure: StateFailure) -> None:
    details = {**error_details(failure.error, failure.cause), "location": failure.location, "state": branch.state}
    draft.emit(branch, "EvaluationFailed", details)
