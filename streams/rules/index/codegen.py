"""The source of the functions that go through an event, one for each branch: no loop, no call where none is needed.

For `source` and `detail.object.key` it is this; `text` and the others are the column's, `other` the branch's:

    def walk(event):
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

DEEPEST = 12
"""So many branches are written into one function; what lies deeper is called."""


class CompiledBranch(Protocol):
    """What the generated source calls of a branch of the field tree."""

    @property
    def below(self) -> Mapping[str, CompiledBranch]:
        """The branches below, by field name."""

    @property
    def column(self) -> FieldIndex | None:
        """The field index of this path."""

    @property
    def kind(self) -> type:
        """The type of objects here."""

    @property
    def walk(self) -> Callable[[Any], Any]:
        """Match one object."""

    @property
    def width(self) -> int:
        """The number of positions in the result."""

    def mask_of_non_object(self, value: Any) -> int:
        """Return the mask of a value that is no object."""


def compiled(branch: CompiledBranch) -> Callable[[Any], Any]:
    """Give the function that says what an object meets at all that lies below a branch."""
    lines, names, found = _source(branch)
    return _function(lines, names, f"({''.join(f'{each}, ' for each in found)})")


def set_apart(branch: CompiledBranch) -> tuple[Callable[[Any], tuple[Any, Any]], int | None]:
    """Give the same with one finding beside all others, and its place: that of the column of which most is asked.

    The others are few, and soon at hand; what differs most is then looked up by a value that was just seen.
    """
    lines, names, found = _source(branch)
    asked = {at: part.__self__.asked for at in range(len(found)) if (part := names.get(f"value{at}")) is not None}
    apart = max(asked, key=lambda at: asked[at], default=None)
    others = "".join(f"{each}, " for at, each in enumerate(found) if at != apart)
    return _function(lines, names, f"({others}), {'None' if apart is None else f'a{apart}'}"), apart


def _source(branch: CompiledBranch) -> tuple[list[str], dict[str, Any], list[str]]:
    names: dict[str, Any] = {"ABSENT": ABSENT, "UNSET": msgspec.UNSET}
    numbers = count()
    lines = list(_below(branch, "event", "    ", numbers, names))
    return lines, names, [f"a{at}" for at in range(next(numbers))]


def _function(lines: list[str], names: dict[str, Any], result: str) -> Callable[[Any], Any]:
    exec("\n".join(["def walk(event):", *lines, f"    return {result}"]), names)
    walk: Callable[[Any], Any] = names["walk"]
    return walk


def _below(
    branch: CompiledBranch, event: str, pad: str, numbers: Iterator[int], names: dict[str, Any]
) -> Iterator[str]:
    for place, each in enumerate(branch.below.values()):
        at, field = next(numbers), f"{event}.f{place}"
        if each.below:
            parts: dict[str, Any] = {"kind": each.kind, "walk": each.walk, "other": each.mask_of_non_object}
            yield from _inner(each, field, pad, at, numbers, names)
        else:
            parts = {part: getattr(each.column, part) for part in ("text", "number", "value")}
            yield f"{pad}v = {field}"
            yield f"{pad}t = type(v)"
            number = f"number{at}(v) if t is int or t is float else value{at}(v)"
            yield f"{pad}a{at} = text{at}(v) if t is str else ABSENT if v is UNSET else {number}"
        names.update((f"{name}{at}", part) for name, part in parts.items())


def _inner(
    branch: CompiledBranch, field: str, pad: str, at: int, numbers: Iterator[int], names: dict[str, Any]
) -> Iterator[str]:
    value, deeper = f"v{at}", f"{pad}    "
    yield f"{pad}{value} = {field}"
    yield f"{pad}if type({value}) is kind{at}:"
    if branch.width == 1:
        yield f"{deeper}a{at} = walk{at}({value})"
    else:
        yield f"{deeper}a{at} = True"
        yield from _below(branch, value, deeper, numbers, names)
    yield f"{pad}else:"
    yield f"{deeper}a{at} = ABSENT if {value} is UNSET else other{at}({value})"
    if branch.width > 1:
        yield f"{deeper}{' = '.join(f'a{each}' for each in range(at + 1, at + branch.width))} = None"
