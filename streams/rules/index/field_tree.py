"""The paths that an index asks for, as a tree, and the way of an event through it.

Each branch that has more below it gets a type, made for just the names that are asked for, so that `msgspec` reads
these out of an event's JSON and skips the rest; and a function, compiled from source that is written in `walks`, that
says what an object of this type meets. What comes out are tuples, the same for all events that meet the same, of which
`judge` makes a mask.

A list of objects is judged element by element, since all that a pattern asks below it has to be met by one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from operator import and_, or_
from typing import Annotated, Any

import msgspec

from headrace.streams.rules.index import codegen
from headrace.streams.rules.index.bitmask import AllBut
from headrace.streams.rules.index.field_index import ABSENT, FieldIndex, MatchKey

MOST_NAMES = 64
"""Of an object of which more names are asked for, those that are there are gone through instead of all."""

MOST_KNOWN = 16_384
"""So many findings are remembered with their masks; then it begins anew."""

_Plain = str | int | float | bool | None
_Never = Annotated[int, msgspec.Meta(gt=1, lt=0)]
"""The type of names with a dot in them that lead to what is asked for: an event that has one is read in another way."""


class Branch:
    """A name, or the root: the column that ends here, if any, and what lies below."""

    def __init__(self) -> None:
        self.column: FieldIndex | None = None
        self.below: dict[str, Branch] = {}
        self.absent = self.negative = self._nothing = 0
        """Masks: where nothing is there; the sets that ask for nothing to be there; where nothing is there below."""
        self.type: Any = Any
        self.kind: type = object
        self.width, self.depth = 1, 0
        """How many places it takes in what is found by the branch above, and how deep the source for it goes."""
        self.walk: Callable[[Any], MatchKey] = self._names_that_are_there
        """Says what an object meets. Raises `msgspec.ValidationError` where that is not to be said by branches."""
        self._known: dict[MatchKey, int] = {}
        self._dotted: frozenset[str] = frozenset()
        self._others: AllBut | None = None
        self._place: dict[str, int] = {}

    def finish(self) -> list[str]:
        """Fill in all that follows from columns and names; give the paths to what lies below."""
        paths: list[str] = []
        for name, branch in self.below.items():
            paths += [name, *(f"{name}.{path}" for path in branch.finish())]
        parts, own = list(self.below.values()), self.column
        self._nothing = reduce(and_, (each.absent for each in parts), -1)
        self.absent = self._nothing & (own.absent if own else -1)
        self.negative = reduce(or_, (each.negative for each in parts), own.negative if own else 0)
        self._dotted = frozenset(path for path in paths if "." in path)
        if own is None or self.below:
            self._prepare(paths)
        return paths

    def _prepare(self, paths: list[str]) -> None:
        parts = list(self.below.values())
        if len(parts) + len(self._dotted) > MOST_NAMES or not all(map(_can_be_field, paths)):
            self.type, self.kind = dict[str, Any], dict
            self._others = AllBut([each.absent for each in parts])
            self._place = {name: at for at, name in enumerate(self.below)}
            return
        self.type = self.kind = self._typed()
        self.depth = 1 + max((each.depth for each in parts), default=0)
        self.walk = codegen.compiled(self)
        if self.depth <= codegen.DEEPEST:
            self.width = 1 + sum(each.width for each in parts)
        else:
            self.depth = 0

    def _typed(self) -> type:
        asked = [
            (f"f{at}", branch.value_type, msgspec.field(name=name, default=msgspec.UNSET))
            for at, (name, branch) in enumerate(self.below.items())
        ]
        never = [
            (f"n{at}", _Never, msgspec.field(name=name, default=0)) for at, name in enumerate(sorted(self._dotted))
        ]
        return msgspec.defstruct("Asked", [*asked, *never], gc=False)

    @property
    def value_type(self) -> Any:
        """The type of what may stand here."""
        if not self.below:
            return Any
        return self.type | list[self.type | _Plain] | _Plain | msgspec.UnsetType  # type: ignore[name-defined]

    def _names_that_are_there(self, event: dict[str, Any]) -> MatchKey:
        if not self._dotted.isdisjoint(event):
            raise msgspec.ValidationError
        below = self.below
        return tuple([(name, below[name].any(value)) for name, value in event.items() if name in below])

    def compile_with_separate_key(self) -> tuple[Callable[[Any], tuple[Any, Any]], int | None]:
        """Give a function that says what an object meets, with one finding beside all others; and its place."""
        if self._others is None:
            return codegen.set_apart(self)
        return lambda event: (self.walk(event), None), None

    def any(self, value: Any) -> MatchKey:
        """Say what any value meets."""
        if not self.below:
            assert self.column is not None
            return self.column.value(value)
        value = msgspec.convert(value, self.value_type)
        return self.walk(value) if type(value) is self.kind else self.mask_of_non_object(value)

    def mask_of_non_object(self, value: Any) -> int:
        """Give the mask for a list, or for a plain value where objects are asked for."""
        if type(value) is not list:
            return self._nothing & (self.column.mask(self.column.value(value)) if self.column else -1)
        mask, kind, known, walk = 0, self.kind, self._known, self.walk
        objects = [each for each in value if type(each) is kind]
        for each in objects:
            found = walk(each)
            judged = known.get(found)
            mask |= self._learn(found) if judged is None else judged
        if not objects:
            mask = self._nothing
        if self.column is not None:
            mask &= self.column.mask(self.column.value([each for each in value if type(each) is not kind]))
        return mask

    def _learn(self, found: Any) -> int:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        mask = self._known[found] = self.judge(found)
        return mask

    def judge(self, found: Any, start: int = 0) -> int:
        """Give the mask of all that an object meets below here, by what was found from a place on."""
        mask = -1
        if self._others is not None:
            mask = self._others.without(sorted(self._place[name] for name, _ in found))
        for branch, each, at in self._parts(found, start):
            if branch.column is not None and not branch.below:
                mask &= branch.column.mask(each)
            else:
                mask &= branch._judge_inner(each, found, at)
            if not mask:
                break
        return mask

    def _judge_inner(self, each: Any, found: Any, at: int) -> int:
        """Do the same for a branch that has more below it, and for what stands there itself."""
        if each is True or isinstance(each, tuple):
            below = self.judge(found, at + 1) if each is True else self.judge(each)
            return below & self.column.absent if self.column else below
        mask: int = self.absent if each == ABSENT else each
        return mask

    def uncertain_mask(self, found: Any, start: int = 0) -> int:
        """Give the mask of the sets that may not be met after all: what they want to be absent may be in a list."""
        mask = 0
        for branch, each, at in self._parts(found, start) if self.negative else ():
            if branch.below and each != ABSENT:
                if each is True or isinstance(each, tuple):
                    mask |= branch.uncertain_mask(found, at + 1) if each is True else branch.uncertain_mask(each)
                else:
                    mask |= branch.negative
        return mask

    def _parts(self, found: Any, at: int) -> Iterator[tuple[Branch, Any, int]]:
        """Give what was found for each branch below, and at which place."""
        if self._others is not None:
            yield from ((self.below[name], each, 0) for name, each in found)
            return
        for branch in self.below.values():
            yield branch, found[at], at
            at += branch.width


def _can_be_field(name: str) -> bool:
    """Whether msgspec takes a name for a field's."""
    return not any(char in '"\\' or char < " " or "\ud800" <= char <= "\udfff" for char in name)
