"""What an expression reads, of which AWS refuses some: `phone`, `$$`, and fields of `$states`.

An expression has no input, so a path starts with `$states` or a variable. Names after the first step, and in filters,
sort terms and groups, belong to the items of that step.
"""

from __future__ import annotations

from typing import Any

from headrace.streams.machines.expressions.jsonata.expression import Expression

ROOT = "$$"
STATES = "$states."

_ITEM_FIELDS = frozenset({"stages", "predicate", "group", "terms", "pattern", "update", "delete"})
"""Parts of a node that are evaluated for an item, and not for the input."""


def top_level_references(expression: Expression) -> list[str]:
    """Return the names, each once: those of the input, `$$`, and the fields of `$states`, such as `$states.input`."""
    names: dict[str, None] = {}
    seen: set[int] = set()
    pending: list[tuple[Any, bool]] = [(expression.tree, True)]
    while pending:
        node, is_top = pending.pop()
        if isinstance(node, list | tuple):
            pending += [(each, is_top) for each in reversed(node)]
        elif hasattr(node, "type") and id(node) not in seen:
            seen.add(id(node))
            names |= dict.fromkeys(_named(node, is_top=is_top))
            pending += reversed(_parts(node, is_top=is_top))
    return list(names)


def _named(node: Any, *, is_top: bool) -> list[str]:
    if node.type == "variable" and node.value == "$":
        return [ROOT]
    if node.type != "path":
        return []
    first, *rest = node.steps
    if first.type == "name" and is_top:
        return [str(first.value)]
    reads_states = first.type == "variable" and first.value == "states" and rest and rest[0].type == "name"
    return [STATES + rest[0].value] if reads_states else []


def _parts(node: Any, *, is_top: bool) -> list[tuple[Any, bool]]:
    parts: list[tuple[Any, bool]] = []
    for name, part in vars(node).items():
        if name == "steps" and isinstance(part, list):
            parts += [(step, is_top and number == 0) for number, step in enumerate(part)]
        elif not name.startswith("_outer") and (isinstance(part, list) or hasattr(part, "type")):
            parts.append((part, is_top and name not in _ITEM_FIELDS))
        elif name in _ITEM_FIELDS and part is not None:
            parts.append((getattr(part, "lhs_object", None), False))
    return parts
