"""Match an event against many patterns; the time depends on the event and the paths, not on the number of rules.

Only indexed fields of an event are decoded. The field index of each path returns which conditions its value meets. The
results of all paths together are the key of a cache; masks of all rules are combined only for a new key.
For field names with a dot, nested lists, and conditions that require a field to be absent from a list of objects, the
masks only select candidates, and each candidate is then checked by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from headrace.streams.rules.fields import SelectedFields, fields_of
from headrace.streams.rules.index.bitmask import bits
from headrace.streams.rules.index.field_index import FieldIndex, MatchKey
from headrace.streams.rules.index.field_tree import MAX_CACHED_RESULTS, Branch
from headrace.streams.rules.parse import Clause
from headrace.streams.rules.pattern import Pattern, holds

_NOT_DECODABLE = (msgspec.DecodeError, RecursionError)


class Index:
    """Immutable compiled index of patterns by name."""

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._sets: list[tuple[str, list[Clause]]] = [
            (name, clauses) for name, pattern in patterns.items() for clauses in pattern.sets
        ]
        self._all = (1 << len(self._sets)) - 1
        self._field_indexes = _field_indexes([clauses for _, clauses in self._sets], self._all)
        self._selected = SelectedFields(self._field_indexes)
        self._root = _tree(self._field_indexes)
        self._match_root, self._separate = self._root.compile_with_separate_key()
        self._decode = msgspec.json.Decoder(self._root.type).decode
        self._cache: dict[MatchKey, dict[MatchKey, tuple[str, ...]]] = {}
        self._cache_slots = MAX_CACHED_RESULTS

    def match(self, event: Mapping[str, Any]) -> list[str]:
        """Return the names of all patterns that match an event, in the order of `patterns`."""
        try:
            others, separate = self._match_root(msgspec.convert(event, self._root.type))
        except _NOT_DECODABLE:
            return self._match_candidates(event, self._all)
        try:
            return list(self._cache[others][separate])
        except KeyError:
            return self._match_new(others, separate, event)

    def match_json(self, event: bytes | str) -> list[str]:
        """Match an event's JSON; only indexed fields are decoded.

        Raises:
            ValueError: The event is not a JSON object.
        """
        try:
            others, separate = self._match_root(self._decode(event))
        except _NOT_DECODABLE:
            return self._match_candidates(_object(event), self._all)
        try:
            return list(self._cache[others][separate])
        except KeyError:
            return self._match_new(others, separate, event)

    def _match_new(self, others: Any, separate: MatchKey, event: Mapping[str, Any] | bytes | str) -> list[str]:
        results = others if self._separate is None else (*others[: self._separate], separate, *others[self._separate :])
        mask = self._root.mask_of(results) & self._all
        if mask & self._root.uncertain_mask(results):
            return self._match_candidates(event if isinstance(event, Mapping) else _object(event), mask)
        names = tuple(dict.fromkeys(self._sets[number][0] for number in bits(mask)))
        if not self._cache_slots:
            self._cache, self._cache_slots = {}, MAX_CACHED_RESULTS
        self._cache_slots -= 1
        self._cache.setdefault(others, {})[separate] = names
        return list(names)

    def _match_candidates(self, event: Mapping[str, Any], mask: int) -> list[str]:
        """Check each candidate of the mask by itself."""
        fields = fields_of(event, self._selected)
        for path, field_index in self._field_indexes.items():
            values = fields.get(path, ())
            met = field_index.mask(field_index.value([value for value, _ in values]))
            mask &= met | field_index.negative if any(elements for _, elements in values) else met
            if not mask:
                return []
        sets = (self._sets[number] for number in bits(mask))
        return list(dict.fromkeys(name for name, clauses in sets if holds(clauses, fields)))


def _object(event: bytes | str) -> dict[str, Any]:
    value = orjson.loads(event)
    if not isinstance(value, dict):
        raise ValueError("an event is a JSON object")
    return value


def _field_indexes(sets: Sequence[Sequence[Clause]], all_sets: int) -> dict[str, FieldIndex]:
    conditions: dict[str, dict[int, tuple[Any, ...]]] = {}
    for number, clauses in enumerate(sets):
        for clause in clauses:
            conditions.setdefault(clause.path, {})[1 << number] = clause.alternatives
    return {path: FieldIndex(by_bit, all_sets) for path, by_bit in conditions.items()}


def _tree(field_indexes: Mapping[str, FieldIndex]) -> Branch:
    root = Branch()
    for path, field_index in field_indexes.items():
        branch = root
        for step in path.split("."):
            branch = branch.children.setdefault(step, Branch())
        branch.field_index = field_index
    root.finish()
    return root
