"""Generate straight-line Python functions that match an event, one for each branch of the field tree.

The source for `source` and `detail.object.key` (`text`, `number` and `value` are those of the field index, `other` is
`Branch.mask_of_non_object`):

    def match_object(event):
        v = event.f0
        t = type(v)
        a0 = text0(v) if t is str else ABSENT if v is UNSET else number0(v) if t is int or t is float else value0(v)
        v1 = event.f1
        if type(v1) is kind1:
            a1 = True
            v2 = v1.f0
            if type(v2) is kind2:
                a2 = True
                v = v2.f0
                ...
            else:
                a2 = ABSENT if v2 is UNSET else other2(v2)
                a3 = None
        else:
            a1 = ABSENT if v1 is UNSET else other1(v1)
            a2 = a3 = None
        return a0, a1, a2, a3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Protocol

import msgspec

from headrace.streams.rules.index.field_index import ABSENT, FieldIndex

MAX_INLINE_DEPTH = 12
"""Maximum nesting depth in one function; deeper branches are separate functions."""


class CompiledBranch(Protocol):
    """The part of a field tree branch that the generated source uses."""

    @property
    def children(self) -> Mapping[str, CompiledBranch]:
        """The child branches by field name."""

    @property
    def field_index(self) -> FieldIndex | None:
        """The field index of this path."""

    @property
    def kind(self) -> type:
        """The type of objects here."""

    @property
    def match_object(self) -> Callable[[Any], Any]:
        """Match one object."""

    @property
    def width(self) -> int:
        """The number of positions in the result."""

    def mask_of_non_object(self, value: Any) -> int:
        """Return the mask of a value that is not an object."""


def compile_matcher(branch: CompiledBranch) -> Callable[[Any], Any]:
    """Compile the function that matches an object against all children of a branch."""
    lines, names, results = _source(branch)
    return _function(lines, names, f"({''.join(f'{result}, ' for result in results)})")


def compile_with_separate_key(branch: CompiledBranch) -> tuple[Callable[[Any], tuple[Any, Any]], int | None]:
    """Compile the same function with one result separate from the others; return the function and its position.

    The separate result is that of the path with the most conditions. It varies most, so that caches use the other
    results as the first key and it as the second.
    """
    lines, names, results = _source(branch)
    counts = {
        at: value.__self__.condition_count
        for at in range(len(results))
        if (value := names.get(f"value{at}")) is not None
    }
    separate = max(counts, key=lambda at: counts[at], default=None)
    others = "".join(f"{result}, " for at, result in enumerate(results) if at != separate)
    return _function(lines, names, f"({others}), {'None' if separate is None else f'a{separate}'}"), separate


def _source(branch: CompiledBranch) -> tuple[list[str], dict[str, Any], list[str]]:
    names: dict[str, Any] = {"ABSENT": ABSENT, "UNSET": msgspec.UNSET}
    numbers = count()
    lines = list(_children_source(branch, "event", "    ", numbers, names))
    return lines, names, [f"a{at}" for at in range(next(numbers))]


def _function(lines: list[str], names: dict[str, Any], result: str) -> Callable[[Any], Any]:
    exec("\n".join(["def match_object(event):", *lines, f"    return {result}"]), names)
    match_object: Callable[[Any], Any] = names["match_object"]
    return match_object


def _children_source(
    branch: CompiledBranch, event: str, pad: str, numbers: Iterator[int], names: dict[str, Any]
) -> Iterator[str]:
    for place, each in enumerate(branch.children.values()):
        at, field = next(numbers), f"{event}.f{place}"
        if each.children:
            parts: dict[str, Any] = {
                "kind": each.kind,
                "match_object": each.match_object,
                "other": each.mask_of_non_object,
            }
            yield from _child_source(each, field, pad, at, numbers, names)
        else:
            parts = {part: getattr(each.field_index, part) for part in ("text", "number", "value")}
            yield f"{pad}v = {field}"
            yield f"{pad}t = type(v)"
            number = f"number{at}(v) if t is int or t is float else value{at}(v)"
            yield f"{pad}a{at} = text{at}(v) if t is str else ABSENT if v is UNSET else {number}"
        names.update((f"{name}{at}", part) for name, part in parts.items())


def _child_source(
    branch: CompiledBranch, field: str, pad: str, at: int, numbers: Iterator[int], names: dict[str, Any]
) -> Iterator[str]:
    value, deeper = f"v{at}", f"{pad}    "
    yield f"{pad}{value} = {field}"
    yield f"{pad}if type({value}) is kind{at}:"
    if branch.width == 1:
        yield f"{deeper}a{at} = match_object{at}({value})"
    else:
        yield f"{deeper}a{at} = True"
        yield from _children_source(branch, value, deeper, numbers, names)
    yield f"{pad}else:"
    yield f"{deeper}a{at} = ABSENT if {value} is UNSET else other{at}({value})"
    if branch.width > 1:
        yield f"{deeper}{' = '.join(f'a{each}' for each in range(at + 1, at + branch.width))} = None"
