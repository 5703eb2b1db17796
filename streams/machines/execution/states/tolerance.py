"""How many items of a Map may fail."""

from __future__ import annotations

from headrace.streams.machines.definition.model import MapState
from headrace.streams.machines.execution.data_flow import Environment
from headrace.streams.machines.execution.numbers import invalid, real_number, whole_number
from headrace.streams.machines.execution.record import MapRunWork
from headrace.streams.machines.json_types import Json


def tolerance(state: MapState, env: Environment, effective: Json) -> tuple[int | None, float | None]:
    """Return how many failures are tolerated, and which percentage of the items.

    Raises:
        StatesError: A value is not a number, or out of range.
    """
    count = percentage = None
    if state.tolerated_count is not None:
        count = whole_number(state.tolerated_count, env, effective)
        if count < 0:
            raise invalid(state.tolerated_count, "ToleratedFailureCount cannot be negative.")
    if state.tolerated_percentage is not None:
        percentage = real_number(state.tolerated_percentage, env, effective)
        if not 0 <= percentage <= 100:
            raise invalid(state.tolerated_percentage, "ToleratedFailurePercentage must be between 0 and 100.")
    return count, percentage


def exceeds_tolerance(work: MapRunWork) -> bool:
    """Return whether more items failed than one of the given limits allows; without limits none may fail."""
    if work.tolerated_count is None and work.tolerated_percentage is None:
        return True
    if work.tolerated_count is not None and work.failed_weight > work.tolerated_count:
        return True
    share = 100 * work.failed_weight / sum(work.weights)
    return work.tolerated_percentage is not None and share > work.tolerated_percentage
