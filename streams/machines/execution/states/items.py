"""The items of a Map that has no ItemReader, and where the items of a distributed one come from."""

from __future__ import annotations

from headrace.streams.machines.definition.model import ItemReader, MapState
from headrace.streams.machines.definition.values import PathFields, PathValue
from headrace.streams.machines.errors import QUERY_EVALUATION_ERROR, RUNTIME, StatesError
from headrace.streams.machines.execution.data_flow import Environment, evaluate
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

STATE_DATA = "STATE_DATA"
"""The source of items that no reader has read."""


def map_items(state: MapState, env: Environment, effective: Json) -> Json:
    """Return the array of items; for a distributed Map also an object, whose members are the items.

    Source: Step Functions Developer Guide, "Using Map state in Inline mode": "accepts only a JSON array as input".

    Raises:
        StatesError: An expression fails, or its value is neither.
    """
    types = ("array",) if state.map_run is None else ("array", "object")
    items = effective if state.items is None else evaluate(state.items, env, effective, *types)
    if isinstance(items, list) or (isinstance(items, dict) and state.map_run is not None):
        return items
    if not isinstance(state.data, PathFields):
        raise StatesError(QUERY_EVALUATION_ERROR, f"Map state input must be an array but was: {compact(items)}")
    path = state.items.path.text if isinstance(state.items, PathValue) else "$"
    shown = path.removeprefix("$") if path.startswith("$$") else path  # AWS names the path in the context object
    raise StatesError(RUNTIME, f'Reference path "{shown}" must point to array.')


def source_of(reader: ItemReader | None, env: Environment, effective: Json) -> str:
    """Return where the items come from, as `$$.Map.Item.Source` has it.

    Source: Step Functions Developer Guide, "Accessing execution data from the Context object", Map states.
    """
    if reader is None:
        return STATE_DATA
    parameters = None if reader.parameters is None else evaluate(reader.parameters, env, effective)
    named = parameters if isinstance(parameters, dict) else {}
    bucket = f"S3://{named.get('Bucket', '')}"
    return f"{bucket}/{named['Key']}" if "Key" in named else bucket
