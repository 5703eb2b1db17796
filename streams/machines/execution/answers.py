"""Apply what tasks, readers and writers of a Map, and child executions answer."""

from __future__ import annotations

from headrace.streams.machines.definition.model import MapState, TaskState
from headrace.streams.machines.execution.draft import Draft, StateFailure
from headrace.streams.machines.execution.record import (
    ChildOutcome,
    DatasetWork,
    FlowBranch,
    TaskWork,
)
from headrace.streams.machines.execution.references import branch_of
from headrace.streams.machines.execution.run import guarded
from headrace.streams.machines.execution.states.map_run import (
    child_finished,
    dataset_failed,
    is_waiting_for,
    items_read,
    results_written,
)
from headrace.streams.machines.execution.states.task_state import (
    heartbeat_received,
    task_failed,
    task_started,
    task_submitted,
    task_succeeded,
)
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    Heartbeat,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
)

TaskAnswer = TaskStarted | TaskSubmitted | TaskSucceeded | TaskFailed | Heartbeat


def apply_answer(draft: Draft, stimulus: TaskAnswer) -> bool:
    """Apply the answer of a task, a reader or a writer, and return whether something waits for it."""
    branch = branch_of(draft, stimulus.task)
    if branch is None or not isinstance(branch.work, TaskWork | DatasetWork) or branch.work.task != stimulus.task:
        return False
    state = draft.state(branch)
    if isinstance(branch.work, DatasetWork):
        return isinstance(state, MapState) and _dataset_answer(draft, branch, state, branch.work, stimulus)
    return isinstance(state, TaskState) and _task_answer(draft, branch, state, branch.work, stimulus)


def _task_answer(draft: Draft, branch: FlowBranch, state: TaskState, work: TaskWork, stimulus: TaskAnswer) -> bool:
    sequence = branch.last_event
    if isinstance(stimulus, TaskSucceeded):
        guarded(draft, branch, lambda: task_succeeded(draft, branch, state, work, stimulus.output))
    elif isinstance(stimulus, TaskFailed):
        task_failed(draft, branch, state, work, StateFailure(stimulus.error, stimulus.cause))
    elif isinstance(stimulus, TaskSubmitted):
        task_submitted(draft, branch, state, work, stimulus.output)
    elif isinstance(stimulus, TaskStarted):
        task_started(draft, branch, state, work)
    else:
        return heartbeat_received(draft, branch, work)
    return branch.last_event != sequence


def _dataset_answer(draft: Draft, branch: FlowBranch, state: MapState, work: DatasetWork, stimulus: TaskAnswer) -> bool:
    if isinstance(stimulus, TaskFailed):
        dataset_failed(draft, branch, work, stimulus.error, stimulus.cause)
        return True
    if not isinstance(stimulus, TaskSucceeded):
        return False
    receive = items_read if work.run is None else results_written
    guarded(draft, branch, lambda: receive(draft, branch, state, work, stimulus.output))
    return True


def apply_child(draft: Draft, stimulus: ChildFinished) -> bool:
    """Apply the end of a child execution, and return whether something waits for it."""
    branch = branch_of(draft, stimulus.child)
    waiting = None if branch is None else is_waiting_for(branch, stimulus.child)
    if branch is None or waiting is None:
        return False
    state = draft.state(branch)
    if not isinstance(state, MapState):
        return False
    outcome = ChildOutcome(stimulus.output, stimulus.status != "SUCCEEDED", stimulus.error, stimulus.cause)
    guarded(draft, branch, lambda: child_finished(draft, branch, state, waiting, outcome))
    return True
