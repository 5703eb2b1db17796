"""Map: runs its processor for each item, inline as branches or distributed as child executions."""

from __future__ import annotations

from headrace.streams.machines.definition.model import MapState
from headrace.streams.machines.definition.values import PathFields, PathValue
from headrace.streams.machines.errors import QUERY_EVALUATION_ERROR, RUNTIME, StatesError
from headrace.streams.machines.execution.data_flow import Environment, effective_input, environment, evaluate
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.numbers import invalid, whole_number
from headrace.streams.machines.execution.outcomes import unfinished
from headrace.streams.machines.execution.record import FlowBranch, GroupWork
from headrace.streams.machines.execution.states.group import start_children
from headrace.streams.machines.execution.states.map_run import start_map_run
from headrace.streams.machines.execution.states.tolerance import tolerance
from headrace.streams.machines.json_text import compact
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
    items: Json = [] if has_reader else _items(state, env, effective)
    concurrency = whole_number(state.max_concurrency, env, effective)
    if concurrency < 0:
        raise invalid(state.max_concurrency, "MaxConcurrency cannot be negative.")
    draft.emit(branch, "MapStateStarted", {"length": len(items)})
    if state.map_run is not None:
        start_map_run(draft, branch, state, items, concurrency)
        return
    tolerance(state, env, effective)
    values, keys = (list(items.values()), list(items)) if isinstance(items, dict) else (items, None)
    work = GroupWork(
        outcomes=unfinished(len(values)),
        size=len(values),
        concurrency=min(concurrency or INLINE_CONCURRENCY, INLINE_CONCURRENCY),
        items=values,
        keys=keys,
    )
    branch.work = work
    start_children(draft, branch, state, work)


def _items(state: MapState, env: Environment, effective: Json) -> Json:
    """Return the array of items; in JSONPath also an object, whose members are the items.

    Raises:
        StatesError: An expression fails, or its value is neither.
    """
    items = effective if state.items is None else evaluate(state.items, env, effective, "array")
    if isinstance(items, list):
        return items
    path = state.items.path.text if isinstance(state.items, PathValue) else "$"
    if isinstance(state.data, PathFields):
        if isinstance(items, dict):
            return items
        raise StatesError(RUNTIME, f'Reference path "{path}" must point to array.')
    raise StatesError(QUERY_EVALUATION_ERROR, f"Map state input must be an array but was: {compact(items)}")
