"""Event patterns over records: the plain part of EventBridge's language, compiled to a predicate.

Known here: exact values, prefix, suffix, anything-but, exists, numeric, and `$or`. A pattern is a mapping from field
to a list of alternatives, nested as the record is; all fields must match.
Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

Predicate = Callable[[Any], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidPattern(ValueError):
    """The pattern breaks a rule of the language; the message begins with the path."""


def compile_pattern(pattern: Mapping[str, Any]) -> Predicate:
    """Make a predicate over records of a pattern; an empty one matches everything.

    Raises `InvalidPattern`, which names the path and what is wrong there.
    """
    return _all([_field(name, wanted, name) for name, wanted in pattern.items()])


def _field(name: str, wanted: Any, path: str) -> Predicate:
    if name == "$or":
        branches = [compile_pattern(branch) for branch in wanted]
        return lambda record: any(branch(record) for branch in branches)
    if isinstance(wanted, Mapping):
        inner = _all([_field(key, value, f"{path}.{key}") for key, value in wanted.items()])
        return lambda record: (value := getattr(record, name, None)) is not None and inner(value)
    if not isinstance(wanted, list) or not wanted:
        raise InvalidPattern(f"{path}: a list of alternatives is needed, not {wanted!r}")
    tests = [_alternative(each, path) for each in wanted]
    return lambda record: _any_matches(tests, getattr(record, name, None))


def _any_matches(tests: list[Predicate], value: Any) -> bool:
    return any(test(value) for test in tests)


def _alternative(wanted: Any, path: str) -> Predicate:
    if not isinstance(wanted, Mapping):
        return lambda value: _same(value, wanted)
    if len(wanted) != 1:
        raise InvalidPattern(f"{path}: one operator in each object, not {sorted(wanted)}")
    [(name, operand)] = wanted.items()
    make = _OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(f"{path}: unknown operator {name!r}; known are {', '.join(sorted(_OPERATORS))}")
    return make(operand, path)


def _same(value: Any, wanted: Any) -> bool:
    # In Python True == 1, in an event pattern it is not.
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _prefix(operand: Any, path: str) -> Predicate:
    _need_text(operand, path)
    return lambda value: isinstance(value, str) and value.startswith(operand)


def _suffix(operand: Any, path: str) -> Predicate:
    _need_text(operand, path)
    return lambda value: isinstance(value, str) and value.endswith(operand)


def _exists(operand: Any, path: str) -> Predicate:
    if not isinstance(operand, bool):
        raise InvalidPattern(f"{path}: exists takes true or false, not {operand!r}")
    return lambda value: (value is not None) is operand


def _anything_but(operand: Any, path: str) -> Predicate:
    if isinstance(operand, Mapping):
        refused = [_alternative(operand, path)]
    else:
        refused = [_alternative(each, path) for each in (operand if isinstance(operand, list) else [operand])]
    return lambda value: value is not None and not _any_matches(refused, value)


def _numeric(operand: Any, path: str) -> Predicate:
    if not isinstance(operand, list) or len(operand) % 2 or not operand:
        raise InvalidPattern(f"{path}: numeric takes pairs of comparison and number, not {operand!r}")
    tests = []
    for symbol, bound in zip(operand[::2], operand[1::2], strict=True):
        if symbol not in _COMPARE or isinstance(bound, bool) or not isinstance(bound, int | float):
            raise InvalidPattern(f"{path}: numeric does not know {symbol!r} {bound!r}")
        tests.append((_COMPARE[symbol], bound))
    return lambda value: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and all(compare(value, bound) for compare, bound in tests)
    )


def _need_text(operand: Any, path: str) -> None:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{path}: text is needed, not {operand!r}")


_OPERATORS: dict[str, Callable[[Any, str], Predicate]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "exists": _exists,
    "anything-but": _anything_but,
    "numeric": _numeric,
}


def _all(tests: list[Predicate]) -> Predicate:
    return lambda record: all(test(record) for test in tests)
