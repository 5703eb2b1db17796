"""Group the items of a distributed Map into batches."""

from __future__ import annotations

from headrace.streams.machines.definition.model import ItemBatcher
from headrace.streams.machines.definition.values import DynamicValue
from headrace.streams.machines.execution.data_flow import Environment, evaluate
from headrace.streams.machines.execution.numbers import invalid, whole_number
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

LARGEST_BATCH = 262_144
"""Bytes: the bound of MaxInputBytesPerBatch."""


def batched(batcher: ItemBatcher, items: list[Json], env: Environment, effective: Json) -> tuple[list[Json], list[int]]:
    """Return the inputs of the child executions, and the number of items of each.

    Raises:
        StatesError: An expression fails, or a size is not positive.
    """
    fixed = {} if batcher.batch_input is None else {"BatchInput": evaluate(batcher.batch_input, env, effective)}
    max_items = _size(batcher.max_items, env, effective) or len(items)
    max_bytes = _size(batcher.max_bytes, env, effective) or LARGEST_BATCH
    groups = _groups(items, max_items, max_bytes - _bytes({**fixed, "Items": []}))
    return [{**fixed, "Items": group} for group in groups], [len(group) for group in groups]


def _size(field: DynamicValue | None, env: Environment, effective: Json) -> int | None:
    if field is None:
        return None
    size = whole_number(field, env, effective)
    if size < 1:
        raise invalid(field, f"{field.field.rpartition('/')[2]} must be positive.")
    return size


def _groups(items: list[Json], max_items: int, max_bytes: int) -> list[list[Json]]:
    """Return consecutive groups; an item that is larger than a batch has one of its own."""
    groups: list[list[Json]] = []
    used = 0
    for item in items:
        size = _bytes(item) + 1
        if not groups or len(groups[-1]) == max_items or used + size > max_bytes + 1:
            groups.append([])
            used = 0
        groups[-1].append(item)
        used += size
    return groups


def _bytes(value: Json) -> int:
    return len(compact(value).encode("utf-8", "surrogatepass"))
