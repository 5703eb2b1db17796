"""The items and the limits of a tested Map."""

from __future__ import annotations

from headrace.streams.machines.definition.model import MapState
from headrace.streams.machines.definition.values import PathFields
from headrace.streams.machines.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD
from headrace.streams.machines.execution.data_flow import Environment
from headrace.streams.machines.execution.numbers import whole_number
from headrace.streams.machines.execution.states.items import map_items
from headrace.streams.machines.execution.states.tolerance import tolerance
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.test_state.answer import StateAnswer
from headrace.streams.machines.test_state.request import TestRequest

_EXCEEDED = "The specified tolerated failure threshold was exceeded"

MapFailure = tuple[str | None, str | None]


def check_map(
    state: MapState, env: Environment, request: TestRequest, answer: StateAnswer, effective: Json
) -> MapFailure | None:
    """Record the items and the limits of a Map, and return the failure of too many failed iterations.

    Raises:
        StatesError: An expression fails, or the items are not an array.
    """
    has_reader = state.map_run is not None and state.map_run.reader is not None
    items: Json = [] if has_reader else map_items(state, env, effective)
    if isinstance(state.data, PathFields) and state.items is not None:
        answer.data["afterItemsPath"] = items
    answer.data["maxConcurrency"] = whole_number(state.max_concurrency, env, effective)
    count, percentage = tolerance(state, env, effective)
    if count is not None:
        answer.data["toleratedFailureCount"] = count
    if percentage is not None:
        answer.data["toleratedFailurePercentage"] = percentage
    failed = request.configuration.failed_iterations
    share = 100 * failed / len(items) if items else 0.0
    too_many = (count is not None and failed > count) or (percentage is not None and share > percentage)
    return (EXCEED_TOLERATED_FAILURE_THRESHOLD, _EXCEEDED) if too_many else None
