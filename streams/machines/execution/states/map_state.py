"""Map: runs its processor for each item, inline as branches or distributed as child executions."""

from __future__ import annotations

from headrace.streams.machines.definition.model import MapState
from headrace.streams.machines.execution.data_flow import effective_input, environment
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.numbers import invalid, whole_number
from headrace.streams.machines.execution.outcomes import unfinished
from headrace.streams.machines.execution.record import FlowBranch, GroupWork
from headrace.streams.machines.execution.states.group import start_children
from headrace.streams.machines.execution.states.items import map_items
from headrace.streams.machines.execution.states.map_run import start_map_run
from headrace.streams.machines.execution.states.tolerance import tolerance
from headrace.streams.machines.json_types import Json

INLINE_CONCURRENCY = 40
"""Iterations of an inline Map that run at the same time; MaxConcurrency can only lower it. Source: AWS's quotas."""


def run_map(draft: Draft, branch: FlowBranch, state: MapState) -> None:
    """Start the iterations, or the run of child executions.

    Raises:
        StatesError: An expression fails, or the items are not an array.
    """
    env = environment(draft, branch)
    effective = effective_input(state.data, env)
    has_reader = state.map_run is not None and state.map_run.reader is not None
    items: Json = [] if has_reader else map_items(state, env, effective)
    concurrency = whole_number(state.max_concurrency, env, effective)
    if concurrency < 0:
        raise invalid(state.max_concurrency, "MaxConcurrency cannot be negative.")
    draft.emit(branch, "MapStateStarted", {"length": len(items)})
    if state.map_run is not None:
        start_map_run(draft, branch, state, items, concurrency)
        return
    tolerance(state, env, effective)
    work = GroupWork(
        outcomes=unfinished(len(items)),
        size=len(items),
        concurrency=min(concurrency or INLINE_CONCURRENCY, INLINE_CONCURRENCY),
        items=items,
    )
    branch.work = work
    start_children(draft, branch, state, work)
