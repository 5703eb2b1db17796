"""The 39 comparators of Choice rules.

A value of another type than the comparator's never matches, and is never an error. Numbers are compared by value
(1 equals 1.0), strings by UTF-16 code units, timestamps as instants.
Source: Step Functions Developer Guide, "Choice workflow state".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from headrace.streams.machines.expressions.timestamps import nanoseconds_of
from headrace.streams.machines.json_types import Json

Test = Callable[[Any, Any], bool]
"""Compares two values of the comparator's type."""


def _string(value: Json) -> Any:
    return value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else None


def _number(value: Json) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Json) -> Any:
    return value if isinstance(value, bool) else None


class Comparator(NamedTuple):
    """A comparison: `key` converts a value to a comparable one, or returns None for another type."""

    key: Callable[[Json], Any]
    test: Test

    def matches(self, value: Json, operand: Json) -> bool:
        """Return whether both values have the type, and the comparison holds."""
        left, right = self.key(value), self.key(operand)
        return left is not None and right is not None and self.test(left, right)


def is_null(value: Json) -> bool:
    """Return whether a value is null."""
    return value is None


def is_string(value: Json) -> bool:
    """Return whether a value is a string."""
    return isinstance(value, str)


def is_numeric(value: Json) -> bool:
    """Return whether a value is a number."""
    return _number(value) is not None


def is_boolean(value: Json) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def is_timestamp(value: Json) -> bool:
    """Return whether a value is a timestamp."""
    return nanoseconds_of(value) is not None


TYPE_TESTS: Mapping[str, Callable[[Json], bool]] = {
    "IsNull": is_null,
    "IsString": is_string,
    "IsNumeric": is_numeric,
    "IsBoolean": is_boolean,
    "IsTimestamp": is_timestamp,
}

_ORDERS: Mapping[str, Test] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}


COMPARATORS: Mapping[str, Comparator] = {
    "BooleanEquals": Comparator(_boolean, operator.is_),
    **{f"String{order}": Comparator(_string, test) for order, test in _ORDERS.items()},
    **{f"Numeric{order}": Comparator(_number, test) for order, test in _ORDERS.items()},
    **{f"Timestamp{order}": Comparator(nanoseconds_of, test) for order, test in _ORDERS.items()},
}
"""The comparators with an operand, by name. Each also exists with a path as its operand: `StringEqualsPath`."""
