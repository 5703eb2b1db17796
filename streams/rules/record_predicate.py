"""Fast predicates over Headrace records, compiled from the pattern of a stage's `when`.

A record has all of its fields, so a field without a value counts both as missing and as null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.streams.rules.conditions import Condition, Exactly, Exists
from headrace.streams.rules.fields import SelectedFields, fields_of
from headrace.streams.rules.parse import Clause
from headrace.streams.rules.pattern import Pattern, holds

Predicate = Callable[[Any], bool]
FieldTest = tuple[tuple[str, ...], tuple[Callable[[Any], bool], ...], bool]
"""Attribute names from the record to the value, tests of which one must pass, and whether the value may be missing."""

_SCALARS = (str, int, float, bool)


def record_predicate(pattern: Mapping[str, Any]) -> Predicate:
    """Compile a pattern into a predicate over records; an empty pattern matches everything.

    Raises:
        InvalidPatternError: The pattern breaks a rule of the language.
    """
    if not pattern:
        return lambda _: True
    sets = [(clauses, [_test(clause) for clause in clauses]) for clauses in Pattern(pattern).sets]
    if len(sets) == 1:
        [(clauses, tests)] = sets
        return lambda record: _matches(record, clauses, tests)
    return lambda record: any(_matches(record, clauses, tests) for clauses, tests in sets)


def _test(clause: Clause) -> FieldTest:
    tests = tuple(condition.holds for condition in clause.alternatives)
    return tuple(clause.path.split(".")), tests, any(map(_accepts_none, clause.alternatives))


def _accepts_none(condition: Condition) -> bool:
    return (isinstance(condition, Exists) and not condition.expected) or condition == Exactly(None)


def _matches(record: Any, clauses: Sequence[Clause], tests: Sequence[FieldTest]) -> bool:
    for steps, conditions, may_be_missing in tests:
        value = record
        for step in steps:
            value = getattr(value, step, None)
            if value is None or type(value) is dict:
                break
        if value is None:
            if not may_be_missing:
                return False
        elif type(value) not in _SCALARS:
            return _matches_collections(record, clauses)
        else:
            for holds_for in conditions:
                if holds_for(value):
                    break
            else:
                return False
    return True


def _matches_collections(record: Any, clauses: Sequence[Clause]) -> bool:
    """Match a record in which a clause's path leads to a list, a map or another non-scalar value."""
    fields = fields_of(record, SelectedFields(clause.path for clause in clauses))
    required = [
        clause for clause in clauses if clause.path in fields or not any(map(_accepts_none, clause.alternatives))
    ]
    return holds(required, fields)
