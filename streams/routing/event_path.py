"""Paths into an event: the part of JSON Path that EventBridge supports.

    $.detail.asset.key   $.resources[0]   $.resources[*]   $.detail.labels[*].name   $['detail-type']

Source: Amazon EventBridge User Guide, "Input transformation": dot notation, dashes, underscores, alphanumeric
characters, forward slashes, array indices and wildcards. The bracket notation of names is an addition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

MAX_PATH_LENGTH = 256
MAX_VALUES = 10_000
"""Values that wildcards collect; the rest is left out."""

_STEP = re.compile(
    r"\.(?P<name>[A-Za-z0-9_/-]+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>[0-9]{1,6})\]|(?P<all>\[\*\]|\.\*)"
)


class InvalidPathError(ValueError):
    """A path is not supported; the message has the reason."""


class PathValues(NamedTuple):
    """The values at a path. `is_list` if the path has a wildcard, so that their list is the value of the path."""

    values: Sequence[Any]
    is_list: bool


Step = str | int | None
"""A name, an index, or None for a wildcard."""


def check_path(path: object) -> None:
    """Raise `InvalidPathError` unless a path is supported."""
    if not isinstance(path, str) or len(path) > MAX_PATH_LENGTH or parsed_path(path) is None:
        raise InvalidPathError(
            f"a path such as $.detail.asset.key or $.resources[*] of at most {MAX_PATH_LENGTH} characters, not {path!r}"
        )


@lru_cache(4096)
def parsed_path(path: str) -> tuple[Step, ...] | None:
    """Split a path into its steps; None if it is not supported."""
    if not path.startswith("$"):
        return None
    steps: list[Step] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        steps.append(None if step["all"] else int(step["index"]) if step["index"] else step["name"] or step["quoted"])
        at = step.end()
    return tuple(steps)


def values_at(event: Any, path: str) -> PathValues | None:
    """Return the values at a path; None if it leads nowhere. A null is a value."""
    steps = parsed_path(path)
    if steps is None:
        return None
    values, is_list = [event], False
    for step in steps:
        values, expanded = _follow(values, step)
        is_list = is_list or expanded
        if not values and not expanded:
            return PathValues((), True) if is_list else None
    return PathValues(values, is_list) if values or is_list else None


def _follow(values: Sequence[Any], step: Step) -> tuple[list[Any], bool]:
    """Apply a step to each value. Also returns whether it expanded a list or an object, even an empty one."""
    if step is None:
        containers = [value for value in values if isinstance(value, Mapping | list)]
        children = [child for each in containers for child in (each if isinstance(each, list) else each.values())]
        return children[:MAX_VALUES], bool(containers)
    if isinstance(step, int):
        return [value[step] for value in values if isinstance(value, list) and step < len(value)], False
    return [value[step] for value in values if isinstance(value, Mapping) and step in value], False
