"""Read and write values by reference paths, which name at most one value: `$.a.b[0]`.

Nearly all paths in state machines are of this kind, so they do not go through a query library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.expressions.scope import MISSING, Missing, Scope
from headrace.streams.machines.json_types import Json

PathStep = str | int
"""The name of a member, or the index of an element."""

MAX_INDEX = 100_000
"""Maximum index that a write creates. Elements in between are filled with null."""


def value_at(value: Json, steps: Sequence[PathStep]) -> Json | Missing:
    """Return the value at a path of names and indices, or `MISSING`. A negative index counts from the end."""
    try:
        for step in steps:
            if step.__class__ is int and value.__class__ is not list:
                return MISSING
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return MISSING
    return value


def root_of(root: str, scope: Scope) -> Json | Missing:
    """Return the value that `$`, `$$` or the name of a variable stands for."""
    if root == "$":
        return scope.input
    if root == "$$":
        return scope.context
    return scope.variables.get(root, MISSING)


def written(target: Json, steps: Sequence[PathStep], value: Json) -> Json:
    """Return `target` with `value` at a path. Only the changed objects and arrays are copied.

    Missing objects and elements are created.

    Raises:
        StatesError: A value on the path is neither an object nor an array, or an index is out of bounds.
    """
    if not steps:
        return value
    copies: list[tuple[Any, PathStep]] = []
    for position, step in enumerate(steps):
        container = _container(target, steps, position)
        copies.append((container, step))
        target = _existing(container, step)
    for container, step in reversed(copies):
        container[step] = value
        value = container
    return value


def _container(target: Json | Missing, steps: Sequence[PathStep], position: int) -> Any:
    """Return a copy of the container that holds a step, with room for it."""
    step = steps[position]
    if isinstance(step, str):
        if target is MISSING or target is None:
            return {}
        if isinstance(target, dict):
            return dict(target)
    else:
        container = [] if target is MISSING or target is None else target
        if isinstance(container, list) and 0 <= step <= MAX_INDEX:
            return [*container, *([None] * (step + 1 - len(container)))]
    raise StatesError(RUNTIME, f"The reference path '{path_text(steps)}' cannot be written: {_obstacle(target, step)}")


def _obstacle(target: Json | Missing, step: PathStep) -> str:
    if isinstance(step, int) and isinstance(target, list):
        return f"the index {step} is not between 0 and {MAX_INDEX}."
    return f"'{step}' is not inside an {'array' if isinstance(step, int) else 'object'}."


def _existing(container: Any, step: PathStep) -> Json | Missing:
    if isinstance(container, dict):
        return container.get(step, MISSING)
    return container[step]


def path_text(steps: Sequence[PathStep]) -> str:
    """Return the normal form of a path, as Jayway JsonPath prints it: `$['a'][0]`."""
    return "$" + "".join(f"['{step}']" if isinstance(step, str) else f"[{step}]" for step in steps)
