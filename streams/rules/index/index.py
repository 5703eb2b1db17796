"""Many patterns at once: the time that an event takes depends on it and on the paths, not on how many rules there are.

Of an event only those fields are read that a rule asks for. For each, its column says what the value there meets. What
all columns say together is looked up among what was said before; only where it is new, masks of all rules are joined.
Where a field's name has a dot in it, or a list lies in a list, masks choose candidates alone, and each is then checked
by itself; so is what asks for a field to be absent from a list of objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from headrace.streams.rules.fields import WantedFields, fields_of
from headrace.streams.rules.index.bitmask import bits
from headrace.streams.rules.index.field_index import FieldIndex, MatchKey
from headrace.streams.rules.index.field_tree import MOST_KNOWN, Branch
from headrace.streams.rules.parse import Clause
from headrace.streams.rules.pattern import Pattern, holds

_UNREADABLE = (msgspec.DecodeError, RecursionError)


class Index:
    """Patterns by name, compiled. It is never changed: for other patterns there is another."""

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._sets: list[tuple[str, list[Clause]]] = [
            (name, clauses) for name, pattern in patterns.items() for clauses in pattern.sets
        ]
        self._all = (1 << len(self._sets)) - 1
        self._columns = _columns([clauses for _, clauses in self._sets], self._all)
        self._wanted = WantedFields(self._columns)
        self._root = _tree(self._columns)
        self._walk, self._apart = self._root.compile_with_separate_key()
        self._read = msgspec.json.Decoder(self._root.type).decode
        self._known: dict[MatchKey, dict[MatchKey, tuple[str, ...]]] = {}
        self._free = MOST_KNOWN

    def match(self, event: Mapping[str, Any]) -> list[str]:
        """Name every pattern that an event, a JSON object, matches, in the order in which they were given."""
        try:
            others, apart = self._walk(msgspec.convert(event, self._root.type))
        except _UNREADABLE:
            return self._checked(event, self._all)
        try:
            return list(self._known[others][apart])
        except KeyError:
            return self._judged(others, apart, event)

    def match_json(self, event: bytes | str) -> list[str]:
        """Do the same for an event's JSON, of which only what rules ask for is read. Raises ValueError for none."""
        try:
            others, apart = self._walk(self._read(event))
        except _UNREADABLE:
            return self._checked(_object(event), self._all)
        try:
            return list(self._known[others][apart])
        except KeyError:
            return self._judged(others, apart, event)

    def _judged(self, others: Any, apart: MatchKey, event: Mapping[str, Any] | bytes | str) -> list[str]:
        found = others if self._apart is None else (*others[: self._apart], apart, *others[self._apart :])
        mask = self._root.judge(found) & self._all
        if mask & self._root.uncertain_mask(found):
            return self._checked(event if isinstance(event, Mapping) else _object(event), mask)
        names = tuple(dict.fromkeys(self._sets[number][0] for number in bits(mask)))
        if not self._free:
            self._known, self._free = {}, MOST_KNOWN
        self._free -= 1
        self._known.setdefault(others, {})[apart] = names
        return list(names)

    def _checked(self, event: Mapping[str, Any], mask: int) -> list[str]:
        """Check candidates, each by itself."""
        fields = fields_of(event, self._wanted)
        for path, column in self._columns.items():
            found = fields.get(path, ())
            met = column.mask(column.value([value for value, _ in found]))
            mask &= met | column.negative if any(places for _, places in found) else met
            if not mask:
                return []
        sets = (self._sets[number] for number in bits(mask))
        return list(dict.fromkeys(name for name, clauses in sets if holds(clauses, fields)))


def _object(event: bytes | str) -> dict[str, Any]:
    read = orjson.loads(event)
    if not isinstance(read, dict):
        raise ValueError("an event is a JSON object")
    return read


def _columns(sets: Sequence[Sequence[Clause]], everybody: int) -> dict[str, FieldIndex]:
    asking: dict[str, dict[int, tuple[Any, ...]]] = {}
    for number, clauses in enumerate(sets):
        for clause in clauses:
            asking.setdefault(clause.path, {})[1 << number] = clause.alternatives
    return {path: FieldIndex(asked, everybody) for path, asked in asking.items()}


def _tree(columns: Mapping[str, FieldIndex]) -> Branch:
    root = Branch()
    for path, column in columns.items():
        branch = root
        for step in path.split("."):
            branch = branch.below.setdefault(step, Branch())
        branch.column = column
    root.finish()
    return root
