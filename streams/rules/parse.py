"""Parse a pattern's JSON into clauses, and check every rule of the language.

    pattern    {field: pattern | [alternative, ...], "$or": [pattern, pattern, ...]}
    alternative    a value, or {operator: operand}

Fields are joined by dots: `{"a": {"b": ..}}` and `{"a.b": ..}` are the same path. The last of two equal paths wins.
`$or` is an operator when it holds at least two objects and none of their fields has an operator's name. Otherwise it
is an ordinary field.
Source: Amazon EventBridge User Guide, "Creating Amazon EventBridge event patterns"; aws/event-ruler where it is silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headrace.streams.rules.conditions import Condition
from headrace.streams.rules.errors import InvalidPatternError
from headrace.streams.rules.operators import alternative, is_list, kind


class Clause(NamedTuple):
    """The condition on one path: alternatives, one of which must hold, and their JSON."""

    path: str
    alternatives: tuple[Condition, ...]
    expected: Sequence[Any]


Clauses = dict[str, Clause]
"""Clauses that must all hold, by path."""

MAX_BRANCHES = 1000
"""Maximum number of clause sets of a pattern. The sets of several `$or` multiply."""

MAX_DEPTH = 100
OR = "$or"

_RESERVED = frozenset(
    {
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"),
        *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    }
)
"""Operator names that EventBridge reserves, including those that it does not implement yet."""


def parse(pattern: Any) -> list[Clauses]:
    """Return the clause sets of a pattern; an event matches if one set holds.

    Raises:
        InvalidPatternError: The pattern breaks a rule of the language.
    """
    if not isinstance(pattern, Mapping):
        raise InvalidPatternError("", f"a pattern is an object, not {kind(pattern)}")
    return _object(pattern, (), [{}])


def _object(pattern: Mapping[str, Any], path: tuple[str, ...], sets: list[Clauses]) -> list[Clauses]:
    """Add an object's fields to every clause set."""
    location = ".".join(path)
    if not pattern:
        raise InvalidPatternError(location, "an empty object matches nothing; remove the field")
    if len(path) > MAX_DEPTH:
        raise InvalidPatternError(location, f"nested more than {MAX_DEPTH} levels deep")
    for name, value in pattern.items():
        if not isinstance(name, str):
            raise InvalidPatternError(location, f"a field name is a string, not {kind(name)}")
        if name == OR and _is_or(value):
            sets = [clauses for branch in value for clauses in _object(branch, path, [dict(other) for other in sets])]
            if len(sets) > MAX_BRANCHES:
                raise InvalidPatternError(location or OR, f"$or makes more than {MAX_BRANCHES} combinations")
        elif isinstance(value, Mapping):
            sets = _object(value, (*path, name), sets)
        else:
            clause = _clause(value, ".".join((*path, name)))
            if clause.path.count(".") >= MAX_DEPTH:
                raise InvalidPatternError(clause.path, f"nested more than {MAX_DEPTH} levels deep")
            for clauses in sets:
                clauses[clause.path] = clause
    return sets


def _is_or(value: Any) -> bool:
    return (
        is_list(value)
        and len(value) >= 2
        and all(isinstance(branch, Mapping) and _RESERVED.isdisjoint(branch) for branch in value)
    )


def _clause(value: Any, path: str) -> Clause:
    if not is_list(value):
        raise InvalidPatternError(path, f"an object, or a list of alternatives such as [{value!r}], not {kind(value)}")
    if not value:
        raise InvalidPatternError(path, "an empty list matches nothing")
    return Clause(path, tuple(alternative(each, path) for each in value), value)
