"""Apply the timers of waits, retries, tasks and executions."""

from __future__ import annotations

from datetime import timedelta

from headrace.streams.machines.definition.model import TaskState, WaitState
from headrace.streams.machines.execution.aborts import abort_execution
from headrace.streams.machines.execution.commands import SetTimer
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.flow import finish
from headrace.streams.machines.execution.record import (
    ROOT_BRANCH,
    DelayWork,
    FlowBranch,
    TaskWork,
)
from headrace.streams.machines.execution.references import branch_of
from headrace.streams.machines.execution.run import guarded
from headrace.streams.machines.execution.states.task_state import (
    task_timed_out,
)
from headrace.streams.machines.execution.states.wait_state import leave_wait
from headrace.streams.machines.execution.stimuli import (
    TimerFired,
)


def start_timeout(draft: Draft) -> None:
    """Set the timer of the machine's TimeoutSeconds. A child execution of a distributed Map has none."""
    if draft.machine.timeout is None or draft.execution.flow != 0:
        return
    timer = f"{ROOT_BRANCH}.{draft.new_key()}.execution"
    due = draft.now + timedelta(seconds=draft.machine.timeout)
    draft.execution.timeout = DelayWork(timer, due)
    draft.commands.append(SetTimer(timer, due))


def apply_timer(draft: Draft, stimulus: TimerFired) -> bool:
    """Apply a timer, and return whether it changes something: it is due, and something waits for it."""
    execution = draft.execution
    if stimulus.timer == execution.continuation:
        execution.continuation = None
        runnable = (branch for branch in execution.branches.values() if branch.status == "running" and not branch.work)
        draft.queue.extend((branch.id, None) for branch in runnable)
        return True
    if execution.timeout is not None and stimulus.timer == execution.timeout.timer:
        return draft.now >= execution.timeout.due and _time_out(draft)
    branch = branch_of(draft, stimulus.timer)
    if branch is None:
        return False
    if isinstance(branch.work, TaskWork):
        return _task_timer(draft, branch, branch.work, stimulus.timer)
    return isinstance(branch.work, DelayWork) and _delay_timer(draft, branch, branch.work, stimulus.timer)


def _task_timer(draft: Draft, branch: FlowBranch, work: TaskWork, timer: str) -> bool:
    task, _, kind = timer.rpartition(".")
    state = draft.state(branch)
    if task != work.task or not isinstance(state, TaskState):
        return False
    sequence = branch.last_event
    task_timed_out(draft, branch, state, work, kind)
    return branch.last_event != sequence


def _delay_timer(draft: Draft, branch: FlowBranch, work: DelayWork, timer: str) -> bool:
    if timer != work.timer or draft.now < work.due:
        return False
    branch.work = None
    state = draft.state(branch)
    if isinstance(state, WaitState):
        guarded(draft, branch, lambda: leave_wait(draft, branch, state))
    else:
        draft.queue.append((branch.id, None))
    return True


def _time_out(draft: Draft) -> bool:
    abort_execution(draft)
    draft.emit_end("ExecutionTimedOut", {})
    finish(draft, "TIMED_OUT")
    return True
