"""Parallel: runs all branches with the same input; the result is the list of their outputs."""

from __future__ import annotations

from headrace.streams.machines.definition.model import ParallelState
from headrace.streams.machines.execution.data_flow import environment, work_input
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.outcomes import unfinished
from headrace.streams.machines.execution.record import FlowBranch, GroupWork
from headrace.streams.machines.execution.states.group import start_children


def run_parallel(draft: Draft, branch: FlowBranch, state: ParallelState) -> None:
    """Start all branches.

    Raises:
        StatesError: An expression fails.
    """
    value = work_input(state.data, environment(draft, branch))
    draft.emit(branch, "ParallelStateStarted", {})
    size = len(state.branches)
    work = GroupWork(outcomes=unfinished(size), size=size, concurrency=size, items=value)
    branch.work = work
    start_children(draft, branch, state, work)
