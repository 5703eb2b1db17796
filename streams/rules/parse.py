"""From a pattern's JSON to what it asks, with every rule of the language checked.

    pattern    {field: pattern | [alternative, ...], "$or": [pattern, pattern, ...]}
    alternative    a value, or {operator: operand}

Fields are joined by dots: `{"a": {"b": ..}}` and `{"a.b": ..}` are the same path. A path that is given twice counts as
given last. `$or` is an operator where it holds two objects or more whose fields are named like none of the operators;
elsewhere it is a field like any other.
Source: Amazon EventBridge User Guide, "Creating Amazon EventBridge event patterns"; aws/event-ruler where it is silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headrace.streams.rules.conditions import Condition
from headrace.streams.rules.errors import InvalidPatternError
from headrace.streams.rules.operators import alternative, is_list, kind


class Clause(NamedTuple):
    """What a pattern asks of one path: alternatives of which one must hold, and the JSON that they were."""

    path: str
    alternatives: tuple[Condition, ...]
    asked: Sequence[Any]


Clauses = dict[str, Clause]
"""What must hold at once, by path."""

MOST_BRANCHES = 1000
"""So many sets of clauses a pattern's `$or` may make; each doubles what the others made."""

MOST_LEVELS = 100
OR = "$or"

_RESERVED = frozenset(
    {
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"),
        *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    }
)
"""Names that EventBridge keeps for operators, those that it does not have yet included."""


def parse(pattern: Any) -> list[Clauses]:
    """Give the sets of clauses of which one must hold. Raises `InvalidPattern` with the path and the rule broken."""
    if not isinstance(pattern, Mapping):
        raise InvalidPatternError("", f"a pattern is an object, not {kind(pattern)}")
    return _object(pattern, (), [{}])


def _object(pattern: Mapping[str, Any], path: tuple[str, ...], sets: list[Clauses]) -> list[Clauses]:
    """Add an object's fields to every set so far."""
    where = ".".join(path)
    if not pattern:
        raise InvalidPatternError(where, "an empty object matches nothing; leave the field out")
    if len(path) > MOST_LEVELS:
        raise InvalidPatternError(where, f"nested more than {MOST_LEVELS} levels deep")
    for name, wanted in pattern.items():
        if not isinstance(name, str):
            raise InvalidPatternError(where, f"a field's name is a text, not {kind(name)}")
        if name == OR and _is_or(wanted):
            sets = [each for branch in wanted for each in _object(branch, path, [dict(other) for other in sets])]
            if len(sets) > MOST_BRANCHES:
                raise InvalidPatternError(where or OR, f"its $or make more than {MOST_BRANCHES} combinations")
        elif isinstance(wanted, Mapping):
            sets = _object(wanted, (*path, name), sets)
        else:
            clause = _clause(wanted, ".".join((*path, name)))
            if clause.path.count(".") >= MOST_LEVELS:
                raise InvalidPatternError(clause.path, f"nested more than {MOST_LEVELS} levels deep")
            for each in sets:
                each[clause.path] = clause
    return sets


def _is_or(wanted: Any) -> bool:
    return (
        is_list(wanted)
        and len(wanted) >= 2
        and all(isinstance(each, Mapping) and _RESERVED.isdisjoint(each) for each in wanted)
    )


def _clause(wanted: Any, path: str) -> Clause:
    if not is_list(wanted):
        raise InvalidPatternError(
            path, f"an object, or a list of alternatives such as [{wanted!r}], not {kind(wanted)}"
        )
    if not wanted:
        raise InvalidPatternError(path, "an empty list matches nothing")
    return Clause(path, tuple(alternative(each, path) for each in wanted), wanted)
