"""The child branches of a Parallel state or an inline Map: start, join, and complete the state."""

from __future__ import annotations

import dataclasses

from msgspec.structs import replace

from headrace.streams.machines.definition.model import MapState, ParallelState
from headrace.streams.machines.execution.data_flow import effective_input, environment, evaluate, with_result
from headrace.streams.machines.execution.draft import Draft, StateFailure
from headrace.streams.machines.execution.failures import fail
from headrace.streams.machines.execution.flow import TYPE_NAMES, leave
from headrace.streams.machines.execution.outcomes import flat, with_outcome
from headrace.streams.machines.execution.record import ChildOutcome, FlowBranch, GroupWork, MapItem
from headrace.streams.machines.json_types import Json

ParentState = MapState | ParallelState


def start_children(draft: Draft, branch: FlowBranch, state: ParentState, work: GroupWork) -> None:
    """Start as many children as may run at the same time; complete the state if all are finished.

    Raises:
        StatesError: An expression fails.
    """
    while work.started < work.size and work.started - work.finished < work.concurrency:
        child = _new_child(draft, branch, state, work)
        work = replace(work, started=work.started + 1)
        branch.work = work
        if isinstance(state, MapState):
            draft.emit(child, "MapIterationStarted", {"name": state.name, "index": child.index})
        draft.add_branch(child)
    if work.finished == work.size:
        _complete(draft, branch, state, work)


def child_succeeded(
    draft: Draft, branch: FlowBranch, state: ParentState, child: FlowBranch, outcome: ChildOutcome
) -> None:
    """Keep the output of a child, and start the next one or complete the state.

    Raises:
        StatesError: An expression fails.
    """
    work = branch.work
    if not isinstance(work, GroupWork):
        return
    if isinstance(state, MapState):
        draft.emit(child, "MapIterationSucceeded", {"name": state.name, "index": child.index})
    branch.last_event = child.last_event
    del draft.execution.branches[child.id]
    outcomes = with_outcome(work.outcomes, child.index, outcome)
    branch.work = replace(work, outcomes=outcomes, finished=work.finished + 1)
    start_children(draft, branch, state, branch.work)


def child_failed(
    draft: Draft, branch: FlowBranch, state: ParentState, child: FlowBranch, failure: StateFailure
) -> None:
    """Let the state fail with the failure of a child."""
    if isinstance(state, MapState):
        draft.emit(child, "MapIterationFailed", {"name": state.name, "index": child.index})
    branch.last_event = child.last_event
    fail(draft, branch, dataclasses.replace(failure, inherited=True))


def _complete(draft: Draft, branch: FlowBranch, state: ParentState, work: GroupWork) -> None:
    outputs = [outcome.output for outcome in flat(work.outcomes) if outcome is not None]
    details = {"name": state.name} if isinstance(state, MapState) else {}
    draft.emit(branch, f"{TYPE_NAMES[type(state)]}StateSucceeded", details)
    leave(draft, branch, state, with_result(state.data, environment(draft, branch), outputs), state.next)


def _new_child(draft: Draft, branch: FlowBranch, state: ParentState, work: GroupWork) -> FlowBranch:
    index = work.started
    item = branch.item
    if isinstance(state, MapState):
        item = MapItem(index, work.items[index])
        flow, value = state.processor, item_input(draft, branch, state, item)
    else:
        flow, value = state.branches[index], work.items
    return FlowBranch(
        id=draft.new_branch_id(),
        parent=branch.id,
        index=index,
        flow=flow,
        state=draft.machine.flows[flow].start_at,
        input=value,
        variables=branch.variables,
        entered_at=draft.now,
        last_event=branch.last_event,
        item=item,
    )


def item_input(draft: Draft, branch: FlowBranch, state: MapState, item: MapItem) -> Json:
    """Return the input of an iteration: the item, or what ItemSelector makes of it.

    Raises:
        StatesError: An expression fails.
    """
    if state.item_selector is None:
        return item.value if item.key is None else {"Key": item.key, "Value": item.value}
    env = environment(draft, branch, item=item)
    return evaluate(state.item_selector, env, effective_input(state.data, env))
