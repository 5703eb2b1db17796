"""Run an unsuccessful execution again from its failed states. What succeeded keeps its result."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from headrace.streams.machines.definition.model import Machine, MapState, ParallelState, State
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.outcomes import flat, with_outcome
from headrace.streams.machines.execution.record import (
    ROOT_BRANCH,
    DatasetWork,
    Execution,
    FlowBranch,
    GroupWork,
    MapRunWork,
    Work,
)
from headrace.streams.machines.execution.states.map_run import start_child
from headrace.streams.machines.execution.stimuli import RedriveExecution
from headrace.streams.machines.json_types import Json


def redrive_obstacle(machine: Machine, execution: Execution) -> str | None:
    """Return why an execution cannot be redriven; None if it can. The machine can be a newer one."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    limit = execution.limits.events
    if limit is not None and execution.last_event >= limit - 1:
        return f"Execution has {execution.last_event} history events and cannot be redriven"
    flows = _flows(machine, execution)
    for branch in execution.branches.values():
        flow = flows.get(branch.id)
        if flow is None or branch.state not in machine.flows[flow].states:
            return f"The definition has no state '{branch.state}' at its place; redrive with one that has it"
    return None


def redrive(draft: Draft, stimulus: RedriveExecution) -> None:
    """Let every failed or aborted branch run again from its state, with fresh retry counters."""
    execution = draft.execution
    execution.status = "RUNNING"
    execution.error = execution.cause = execution.stopped_at = execution.continuation = None
    execution.redrive_count = stimulus.number
    execution.redriven_at = draft.now
    flows = _flows(draft.machine, execution)
    draft.emit(draft.root, "ExecutionRedriven", {"redriveCount": stimulus.number})
    for branch_id in sorted(execution.branches):
        if branch_id in execution.branches:
            branch = draft.branch(branch_id)
            branch.flow = flows[branch_id]
            branch.status = "running"
            branch.retries = ()
            _resume(draft, branch, stimulus.inputs)


def _resume(draft: Draft, branch: FlowBranch, inputs: Mapping[str, Json]) -> None:
    """Keep the finished children of a branch, and let it run: a state without them starts again."""
    state = draft.state(branch)
    work = branch.work
    if branch.state in inputs or not _fits(work, state):
        branch.input = inputs.get(branch.state, branch.input)
        draft.drop_children(branch.id)
        branch.work = None
    elif isinstance(work, DatasetWork):
        branch.work = work.run
    elif isinstance(work, MapRunWork) and isinstance(state, MapState):
        _redrive_children(draft, branch, state, work)
    draft.queue.append((branch.id, None))


def _fits(work: Work | None, state: State) -> bool:
    """Return whether the definition of a state still has the children of its work."""
    if isinstance(work, GroupWork):
        is_same_parallel = isinstance(state, ParallelState) and len(state.branches) == work.size
        return is_same_parallel or (isinstance(state, MapState) and state.map_run is None)
    if isinstance(work, MapRunWork | DatasetWork):
        return isinstance(state, MapState) and state.map_run is not None
    return True


def _redrive_children(draft: Draft, branch: FlowBranch, state: MapState, work: MapRunWork) -> None:
    outcomes = work.outcomes
    again = []
    for index, outcome in enumerate(flat(outcomes)[: work.started]):
        if outcome is None or outcome.failed:
            outcomes = with_outcome(outcomes, index, None)
            again.append(index)
    finished = work.started - len(again)
    work = replace(work, outcomes=outcomes, finished=finished, failed_weight=0, key=draft.new_key())
    branch.work = work
    draft.emit(branch, "MapRunRedriven", {"mapRunArn": work.arn, "redriveCount": draft.execution.redrive_count})
    for index in again:
        start_child(draft, branch, state, work, index, again=True)


def _flows(machine: Machine, execution: Execution) -> dict[int, int]:
    """Return the index of each branch's flow in a machine, which can be a newer one than that of the execution."""
    flows: dict[int, int] = {}
    for branch_id, branch in sorted(execution.branches.items()):
        flow = execution.flow if branch.parent is None else _child_flow(machine, execution, branch, flows)
        if flow is not None and flow < len(machine.flows):
            flows[branch_id] = flow
    return flows


def _child_flow(machine: Machine, execution: Execution, branch: FlowBranch, flows: Mapping[int, int]) -> int | None:
    parent = execution.branches[branch.parent or ROOT_BRANCH]
    if parent.id not in flows:
        return None
    state = machine.flows[flows[parent.id]].states.get(parent.state)
    if isinstance(state, MapState):
        return state.processor
    is_branch = isinstance(state, ParallelState) and branch.index < len(state.branches)
    return state.branches[branch.index] if is_branch and isinstance(state, ParallelState) else None
