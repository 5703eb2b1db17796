"""Match an event against one pattern, and explain mismatches.

>>> Pattern({"detail": {"size": [{"numeric": [">", 100]}]}}).matches({"detail": {"size": 5}})
False
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.streams.rules.array_consistency import Bindings, exclude, extend, project
from headrace.streams.rules.conditions import Exists, Scalar
from headrace.streams.rules.fields import NO_ELEMENT, Fields, FieldValue, SelectedFields, fields_of
from headrace.streams.rules.parse import Clause, parse

PROJECT_ABOVE = 16
"""Number of bindings above which merging equal ones costs less than keeping them."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why an event does not match: the first clause that fails, its expected and actual values.

    `matched_clauses` of `clauses` clauses match. `actual` is empty if the path has no value. `different_elements` is
    true if every clause matches, but only with different elements of one list.
    """

    path: str
    expected: Sequence[Any]
    actual: tuple[Scalar, ...]
    matched_clauses: int
    clauses: int
    different_elements: bool = False

    @property
    def nearness(self) -> float:
        """The share of clauses that match, from 0 to 1."""
        return self.matched_clauses / self.clauses


class Pattern:
    """A parsed event pattern.

    Raises:
        InvalidPatternError: The pattern breaks a rule of the language.
    """

    __slots__ = ("selected", "sets")

    def __init__(self, pattern: Any) -> None:
        self.sets: list[list[Clause]] = [
            sorted(clauses.values(), key=lambda clause: clause.path) for clauses in parse(pattern)
        ]
        """Clause sets, one of which must hold. Each set is sorted by path, the order in which lists are visited."""
        self.selected = SelectedFields(clause.path for clauses in self.sets for clause in clauses)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event, a JSON object, matches."""
        fields = fields_of(event, self.selected)
        return any(holds(clauses, fields) for clauses in self.sets)

    def explain(self, event: Mapping[str, Any]) -> Mismatch | None:
        """Return the mismatch of the clause set closest to a match; None if the event matches."""
        fields = fields_of(event, self.selected)
        mismatches = [_mismatch(clauses, fields) for clauses in self.sets]
        if None in mismatches:
            return None
        return max((mismatch for mismatch in mismatches if mismatch), key=lambda mismatch: mismatch.nearness)

    def relaxed(self) -> dict[str, Pattern]:
        """Return, by path, the pattern without the clauses of that path; none where no other clause remains.

        An event that matches one of them and not the pattern misses it by one path.
        """
        paths = dict.fromkeys(clause.path for clauses in self.sets for clause in clauses)
        found = {path: [_without(clauses, path) for clauses in self.sets] for path in paths}
        return {path: _of_sets([each for each in sets if each]) for path, sets in found.items() if any(sets)}


def _of_sets(sets: list[list[Clause]]) -> Pattern:
    pattern = Pattern.__new__(Pattern)
    pattern.sets = sets
    pattern.selected = SelectedFields(clause.path for clauses in sets for clause in clauses)
    return pattern


def _without(clauses: Sequence[Clause], path: str) -> list[Clause]:
    """Return the other clauses; nothing if none has this path."""
    others = [clause for clause in clauses if clause.path != path]
    return others if len(others) < len(clauses) else []


def holds(clauses: Sequence[Clause], fields: Fields) -> bool:
    """Return whether all clauses match without using different elements of one list."""
    return _failing(clauses, fields) is None


def _failing(clauses: Sequence[Clause], fields: Fields) -> Clause | None:
    """Return the first clause that does not match together with the clauses before it.

    A binding is the list elements chosen so far. When there are many, lists that no later clause reads are removed
    from the bindings, so that there are never more bindings than a list has elements.
    """
    bindings: Bindings = {NO_ELEMENT}
    remaining: list[frozenset[int]] = []
    for number, clause in enumerate(clauses):
        if len(bindings) > PROJECT_ABOVE:
            remaining = remaining or _remaining_lists(clauses, fields)
            bindings = project(bindings, remaining[number])
        bindings = _bind(clause, fields.get(clause.path, ()), bindings)
        if not bindings:
            return clause
    return None


def _remaining_lists(clauses: Sequence[Clause], fields: Fields) -> list[frozenset[int]]:
    """Return, for each clause, the numbers of the lists that it and the later clauses read."""
    lists: set[int] = set()
    remaining = []
    for clause in reversed(clauses):
        lists |= {number for _, elements in fields.get(clause.path, ()) for number, _ in elements}
        remaining.append(frozenset(lists))
    return remaining[::-1]


def _bind(clause: Clause, values: Sequence[FieldValue], before: Bindings) -> Bindings:
    """Extend the bindings by each matching value that is consistent with them, or by a missing value."""
    matching = {elements for value, elements in values if any(each.holds(value) for each in clause.alternatives)}
    bindings = extend(before, matching)
    if any(isinstance(each, Exists) and not each.expected for each in clause.alternatives):
        bindings = bindings | exclude(before, [elements for _, elements in values])
    return bindings


def _mismatch(clauses: Sequence[Clause], fields: Fields) -> Mismatch | None:
    failing = _failing(clauses, fields)
    if failing is None:
        return None
    alone = [clause for clause in clauses if _failing([clause], fields) is None]
    different = len(alone) == len(clauses)
    first = failing if different else next(clause for clause in clauses if clause not in alone)
    actual = tuple(value for value, _ in fields.get(first.path, ()))
    return Mismatch(first.path, first.expected, actual, len(alone) - different, len(clauses), different)
