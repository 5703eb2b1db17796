"""Limits of payloads: the nesting that every payload respects, and the size that AWS's limits add."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from headrace.streams.machines.errors import DATA_LIMIT_EXCEEDED, StatesError
from headrace.streams.machines.execution.record import ExecutionLimits
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

MAX_DEPTH = 500
"""Levels of nesting of a payload. A loop that wraps its input cannot make a value that no JSON library reads."""

LARGEST_PAYLOAD = 64 * 1024 * 1024
"""Bytes of a payload of an execution without limits. A loop that doubles its input cannot fill the memory."""


class OutputTooLargeError(StatesError):
    """The output of a state, or its variables, exceed a limit. Neither Retry nor Catch applies, as in AWS."""


def exceeded_limit(limits: ExecutionLimits, name: str, value: Json) -> str | None:
    """Return the cause if a value exceeds a limit; None if it does not. `name` is the state or the resource."""
    try:
        size = len(orjson.dumps(value))
    except TypeError:  # integers of more than 64 bits, lone surrogates, and more than 254 levels
        if _is_deeper(value, MAX_DEPTH):
            return f"The state/task '{name}' returned a result nested more than {MAX_DEPTH} levels deep."
        size = len(compact(value).encode("utf-8", "surrogatepass"))
    if size <= (LARGEST_PAYLOAD if limits.payload_bytes is None else limits.payload_bytes):
        return None
    return f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."


def check_state_output(limits: ExecutionLimits, state: str, output: Json) -> None:
    """Check the output of a state.

    Raises:
        OutputTooLargeError: It exceeds a limit.
    """
    cause = exceeded_limit(limits, state, output)
    if cause is not None:
        raise OutputTooLargeError(DATA_LIMIT_EXCEEDED, cause)


def check_assigned(limits: ExecutionLimits, state: str, assigned: Mapping[str, Json]) -> None:
    """Check the variables that a state assigns: together they have the limit of a payload.

    Raises:
        OutputTooLargeError: They exceed a limit.
    """
    if exceeded_limit(limits, state, assigned) is not None:
        cause = f"The variables assigned by the state '{state}' exceed the maximum number of bytes service limit."
        raise OutputTooLargeError(DATA_LIMIT_EXCEEDED, cause)


def check_variables(limits: ExecutionLimits, state: str, variables: Mapping[str, Json]) -> None:
    """Check all variables that are visible after a state. Source: AWS's quotas, "Total size of all stored variables".

    Raises:
        OutputTooLargeError: They exceed the limit.
    """
    if limits.variables_bytes is None:
        return
    if len(compact(variables).encode("utf-8", "surrogatepass")) > limits.variables_bytes:
        cause = f"The variables stored by the state '{state}' exceed the maximum number of bytes service limit."
        raise OutputTooLargeError(DATA_LIMIT_EXCEEDED, cause)


def _is_deeper(value: Json, levels: int) -> bool:
    """Return whether a value has more levels of nesting, without recursion."""
    level = [value]
    for _ in range(levels + 1):
        containers = [each for each in level if isinstance(each, dict | list)]
        if not containers:
            return False
        level = [each for one in containers for each in (one.values() if isinstance(one, dict) else one)]
    return True
