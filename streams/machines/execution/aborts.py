"""Stop what branches wait for: tasks, child executions and child branches."""

from __future__ import annotations

from headrace.streams.machines.definition.model import MapState
from headrace.streams.machines.execution.child_ids import open_children
from headrace.streams.machines.execution.commands import CancelTask, StopChild
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.flow import TYPE_NAMES
from headrace.streams.machines.execution.record import (
    ROOT_BRANCH,
    DatasetWork,
    DelayWork,
    FlowBranch,
    MapRunWork,
    TaskWork,
)


def abort_children(draft: Draft, branch: FlowBranch) -> None:
    """Stop everything that a branch waits for, with an event for each aborted state and iteration."""
    _stop_work(draft, branch)
    for child_id in list(draft.descendants(branch.id)):
        if draft.execution.branches[child_id].status == "running":
            child = draft.branch(child_id)
            _abort(draft, child)
            _emit_aborted(draft, child)


def abort_execution(draft: Draft) -> None:
    """Stop everything that the execution waits for; the event that ends the execution stands for all."""
    draft.queue.clear()
    for branch_id, branch in list(draft.execution.branches.items()):
        if branch.status == "running":
            _abort(draft, draft.branch(branch_id))


def _abort(draft: Draft, branch: FlowBranch) -> None:
    _stop_work(draft, branch)
    branch.status = "aborted"


def _stop_work(draft: Draft, branch: FlowBranch) -> None:
    """Cancel the task or the child executions; a run of children and a group keep what is finished for a redrive."""
    work = branch.work
    if isinstance(work, TaskWork | DatasetWork):
        draft.commands.append(CancelTask(work.task))
    if isinstance(work, TaskWork | DelayWork):
        branch.work = None
    if isinstance(work, MapRunWork):
        draft.commands.extend(StopChild(child, work.arn) for child in open_children(branch, work))


def _emit_aborted(draft: Draft, branch: FlowBranch) -> None:
    if branch.entered:
        draft.emit(branch, f"{TYPE_NAMES[type(draft.state(branch))]}StateAborted", {})
    owner = draft.state(draft.execution.branches[branch.parent or ROOT_BRANCH])
    if isinstance(owner, MapState):
        draft.emit(branch, "MapIterationAborted", {"name": owner.name, "index": branch.index})
