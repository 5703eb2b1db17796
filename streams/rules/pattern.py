"""One event pattern: whether an event matches it, and if not, why.

>>> Pattern({"detail": {"size": [{"numeric": [">", 100]}]}}).matches({"detail": {"size": 5}})
False
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.streams.rules.array_consistency import Bindings, exclude, extend, project
from headrace.streams.rules.conditions import Exists, Scalar
from headrace.streams.rules.fields import NOWHERE, Fields, FieldValue, WantedFields, fields_of
from headrace.streams.rules.parse import Clause, parse

FEW = 16
"""So many ways through the clauses cost less than to look which of them have become the same."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why an event does not match: the first clause that fails, what it asked and what it saw.

    `met` of `clauses` clauses are met. `saw` is empty where nothing stands at the path. `apart` says that each clause
    is met, but only by different elements of one list.
    """

    path: str
    expected: Sequence[Any]
    actual: tuple[Scalar, ...]
    matched_clauses: int
    clauses: int
    different_elements: bool = False

    @property
    def nearness(self) -> float:
        """The share of clauses that are met, by which near misses are sorted."""
        return self.matched_clauses / self.clauses


class Pattern:
    """An event pattern, read once. Raises `InvalidPattern` for one that breaks a rule of the language."""

    __slots__ = ("sets", "wanted")

    def __init__(self, pattern: Any) -> None:
        self.sets: list[list[Clause]] = [
            sorted(clauses.values(), key=lambda clause: clause.path) for clauses in parse(pattern)
        ]
        """Sets of clauses of which one must hold; each in the order of its paths, in which lists are followed."""
        self.wanted = WantedFields(clause.path for clauses in self.sets for clause in clauses)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether an event, a JSON object, matches."""
        fields = fields_of(event, self.wanted)
        return any(holds(clauses, fields) for clauses in self.sets)

    def explain(self, event: Mapping[str, Any]) -> Mismatch | None:
        """Say why an event does not match, by the set of clauses that comes nearest; None when it matches."""
        fields = fields_of(event, self.wanted)
        misses = [_miss(clauses, fields) for clauses in self.sets]
        if None in misses:
            return None
        return max((miss for miss in misses if miss), key=lambda miss: miss.nearness)


def holds(clauses: Sequence[Clause], fields: Fields) -> bool:
    """Whether all clauses are met at once, by values that do not come from different elements of one list."""
    return _failing(clauses, fields) is None


def _failing(clauses: Sequence[Clause], fields: Fields) -> Clause | None:
    """Give the first clause that cannot be met together with those before it.

    A way through the clauses is known by the elements that it has chosen. Where there are many, they forget of these
    what no clause from here on can ask for again, so that there are never more ways than a list has elements.
    """
    ways: Bindings = {NOWHERE}
    lasting: list[frozenset[int]] = []
    for number, clause in enumerate(clauses):
        if len(ways) > FEW:
            lasting = lasting or _lasting(clauses, fields)
            ways = project(ways, lasting[number])
        ways = _onward(clause, fields.get(clause.path, ()), ways)
        if not ways:
            return clause
    return None


def _lasting(clauses: Sequence[Clause], fields: Fields) -> list[frozenset[int]]:
    """For each clause, number the lists that the values come from which it and those after it ask for."""
    lists: set[int] = set()
    found = []
    for clause in reversed(clauses):
        lists |= {number for _, places in fields.get(clause.path, ()) for number, _ in places}
        found.append(frozenset(lists))
    return found[::-1]


def _onward(clause: Clause, found: Sequence[FieldValue], before: Bindings) -> Bindings:
    """Give every way on: over each value that is asked for and consistent with the way so far, or over none."""
    good = {places for value, places in found if any(each.holds(value) for each in clause.alternatives)}
    ways = extend(before, good)
    if any(isinstance(each, Exists) and not each.wanted for each in clause.alternatives):
        ways = ways | exclude(before, [places for _, places in found])
    return ways


def _miss(clauses: Sequence[Clause], fields: Fields) -> Mismatch | None:
    failing = _failing(clauses, fields)
    if failing is None:
        return None
    alone = [clause for clause in clauses if _failing([clause], fields) is None]
    apart = len(alone) == len(clauses)
    first = failing if apart else next(clause for clause in clauses if clause not in alone)
    saw = tuple(value for value, _ in fields.get(first.path, ()))
    return Mismatch(first.path, first.asked, saw, len(alone) - apart, len(clauses), apart)
