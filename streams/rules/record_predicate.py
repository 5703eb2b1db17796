"""Patterns over our own records: what a stage's `when` says, as a predicate that costs next to nothing.

A record's fields are all there, so that one without a value counts as missing and as null alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.streams.rules.conditions import Condition, Exactly, Exists
from headrace.streams.rules.fields import WantedFields, fields_of
from headrace.streams.rules.parse import Clause
from headrace.streams.rules.pattern import Pattern, holds

Predicate = Callable[[Any], bool]
FieldTest = tuple[tuple[str, ...], tuple[Callable[[Any], bool], ...], bool]
"""Steps to a value, what may hold of it, and whether it may be missing."""

_SCALARS = (str, int, float, bool)


def record_predicate(pattern: Mapping[str, Any]) -> Predicate:
    """Make a predicate over records of a pattern; an empty one matches everything. Raises `InvalidPattern`."""
    if not pattern:
        return lambda _: True
    sets = [(clauses, [_test(clause) for clause in clauses]) for clauses in Pattern(pattern).sets]
    if len(sets) == 1:
        [(clauses, tests)] = sets
        return lambda record: _matches(record, clauses, tests)
    return lambda record: any(_matches(record, clauses, tests) for clauses, tests in sets)


def _test(clause: Clause) -> FieldTest:
    tests = tuple(each.holds for each in clause.alternatives)
    return tuple(clause.path.split(".")), tests, any(map(_takes_none, clause.alternatives))


def _takes_none(condition: Condition) -> bool:
    return (isinstance(condition, Exists) and not condition.wanted) or condition == Exactly(None)


def _matches(record: Any, clauses: Sequence[Clause], tests: Sequence[FieldTest]) -> bool:
    for steps, wanted, may_be_missing in tests:
        value = record
        for step in steps:
            value = getattr(value, step, None)
            if value is None or type(value) is dict:
                break
        if value is None:
            if not may_be_missing:
                return False
        elif type(value) not in _SCALARS:
            return _with_lists(record, clauses)
        else:
            for test in wanted:
                if test(value):
                    break
            else:
                return False
    return True


def _with_lists(record: Any, clauses: Sequence[Clause]) -> bool:
    """Do the same where a clause's path leads into a list or a map, or to something that is no plain value."""
    fields = fields_of(record, WantedFields(clause.path for clause in clauses))
    there = [clause for clause in clauses if clause.path in fields or not any(map(_takes_none, clause.alternatives))]
    return holds(there, fields)
