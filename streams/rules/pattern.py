"""One event pattern: whether an event matches it, and if not, why.

>>> Pattern({"detail": {"size": [{"numeric": [">", 100]}]}}).matches({"detail": {"size": 5}})
False
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.rules.conditions import Exists, Scalar
from streams.rules.fields import NOWHERE, Fields, Places, Value, Wanted, fields_of
from streams.rules.parse import Clause, parse

FEW = 16
"""So many ways through the clauses cost less than to look which of them have become the same."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Why an event does not match: the first clause that fails, what it asked and what it saw.

    `met` of `clauses` clauses are met. `saw` is empty where nothing stands at the path. `apart` says that each clause
    is met, but only by different elements of one list.
    """

    path: str
    asked: Sequence[Any]
    saw: tuple[Scalar, ...]
    met: int
    clauses: int
    apart: bool = False

    @property
    def nearness(self) -> float:
        """The share of clauses that are met, by which near misses are sorted."""
        return self.met / self.clauses


class Pattern:
    """An event pattern, read once. Raises `InvalidPattern` for one that breaks a rule of the language."""

    __slots__ = ("sets", "wanted")

    def __init__(self, pattern: Any) -> None:
        self.sets: list[list[Clause]] = [
            sorted(clauses.values(), key=lambda clause: clause.path) for clauses in parse(pattern)
        ]
        """Sets of clauses of which one must hold; each in the order of its paths, in which lists are followed."""
        self.wanted = Wanted(clause.path for clauses in self.sets for clause in clauses)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether an event, a JSON object, matches."""
        fields = fields_of(event, self.wanted)
        return any(holds(clauses, fields) for clauses in self.sets)

    def explain(self, event: Mapping[str, Any]) -> Miss | None:
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
    what no later clause can ask for again, so that there are never more ways than a list has elements.
    """
    ways: set[Places] = {NOWHERE}
    for number, clause in enumerate(clauses):
        ways = _onward(clause, fields.get(clause.path, ()), ways)
        if not ways:
            return clause
        if len(ways) > FEW:
            lasting = {each for later in clauses[number + 1 :] for each in _lists(fields.get(later.path, ()))}
            ways = {tuple(pair for pair in way if pair[0] in lasting) for way in ways}
    return None


def _onward(clause: Clause, found: Sequence[Value], before: set[Places]) -> set[Places]:
    """Give every way on: over each value that is asked for and consistent with the way so far, or over none."""
    good = {places for value, places in found if any(each.holds(value) for each in clause.alternatives)}
    if before == {NOWHERE}:
        onward = good
    else:
        onward = {way for one in before for places in good if (way := _together(one, places)) is not None}
    if any(isinstance(each, Exists) and not each.wanted for each in clause.alternatives):
        onward |= {one for one in before if all(_together(one, places) is None for _, places in found)}
    return onward


def _together(before: Places, places: Places) -> Places | None:
    """Join the elements that two values come from; None when they are different ones of one list."""
    if not places or not before or places == before:
        return places or before
    chosen = dict(before)
    for number, index in places:
        if chosen.setdefault(number, index) != index:
            return None
    return tuple(sorted(chosen.items()))


def _lists(found: Iterable[Value]) -> Iterator[int]:
    """Number the lists that values come from."""
    for _, places in found:
        for number, _ in places:
            yield number


def _miss(clauses: Sequence[Clause], fields: Fields) -> Miss | None:
    failing = _failing(clauses, fields)
    if failing is None:
        return None
    alone = [clause for clause in clauses if _failing([clause], fields) is None]
    apart = len(alone) == len(clauses)
    first = failing if apart else next(clause for clause in clauses if clause not in alone)
    saw = tuple(value for value, _ in fields.get(first.path, ()))
    return Miss(first.path, first.asked, saw, len(alone) - apart, len(clauses), apart)
