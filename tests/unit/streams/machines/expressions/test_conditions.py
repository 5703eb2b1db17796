"""Tests of Choice rules."""

from __future__ import annotations

import time
from typing import Any

import pytest

from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.expressions.conditions.comparators import COMPARATORS, TYPE_TESTS
from headrace.streams.machines.expressions.conditions.condition import OPERATORS, compile_condition
from headrace.streams.machines.json_types import Json
from tests.unit.streams.machines.expressions.support import scope_of

EARLY, LATE = "2026-03-14T15:09:26Z", "2026-03-14T16:09:27+01:00"
LESS = {"Equals": False, "LessThan": True, "GreaterThan": False, "LessThanEquals": True, "GreaterThanEquals": False}
SAME = {"Equals": True, "LessThan": False, "GreaterThan": False, "LessThanEquals": True, "GreaterThanEquals": True}
MORE = {"Equals": False, "LessThan": False, "GreaterThan": True, "LessThanEquals": False, "GreaterThanEquals": True}
PAIRS: list[tuple[str, Json, Json, dict[str, bool]]] = [
    ("String", "a", "b", LESS),
    ("String", "b", "b", SAME),
    ("String", "b", "B", MORE),
    ("String", "", "a", LESS),
    ("String", "\U0001f600", "\uff5e", LESS),  # by UTF-16 code units, as Java compares
    ("String", "\ud800", "\ud800", SAME),
    ("Numeric", 1, 2, LESS),
    ("Numeric", 1, 1.0, SAME),
    ("Numeric", 2**53 + 1, 2**53, MORE),
    ("Numeric", -0.0, 0, SAME),
    ("Numeric", 10**400, 1e308, MORE),
    ("Timestamp", EARLY, LATE, LESS),
    ("Timestamp", EARLY, "2026-03-14T16:09:26.000+01:00", SAME),
    ("Timestamp", LATE, EARLY, MORE),
]
VALUES: list[Json] = [None, True, False, 0, 1, 1.5, "", "a", "1", "true", EARLY, [], [1], ["a"], {}, {"a": 1}]
"""Values of every type."""


def kind(value: Json) -> set[str]:
    """Return the kinds of comparators that accept a value."""
    if isinstance(value, bool):
        return {"Boolean"}
    if isinstance(value, int | float):
        return {"Numeric"}
    if isinstance(value, str):
        return {"String", "Timestamp"} if value in (EARLY, LATE) else {"String"}
    return set()


def matches(rule: dict[str, Any], value: Json, **variables: Json) -> bool:
    """Return whether a rule holds for an input."""
    return compile_condition(rule).matches(scope_of(value, {"Execution": {"Name": "run"}}, **variables))


@pytest.mark.parametrize(("name", "left", "right", "expected"), PAIRS)
def test_orders_of_values(name: str, left: Json, right: Json, expected: dict[str, bool]) -> None:
    for order, result in expected.items():
        assert matches({"Variable": "$.x", f"{name}{order}": right}, {"x": left}) is result
        assert matches({"Variable": "$.x", f"{name}{order}Path": "$.y"}, {"x": left, "y": right}) is result


def test_booleans_are_equal_by_value() -> None:
    for left in (True, False):
        for right in (True, False):
            assert matches({"Variable": "$.x", "BooleanEquals": right}, {"x": left}) is (left is right)
            assert matches({"Variable": "$.x", "BooleanEqualsPath": "$.y"}, {"x": left, "y": right}) is (left is right)


@pytest.mark.parametrize("name", COMPARATORS)
@pytest.mark.parametrize("value", VALUES)
def test_value_of_another_type_never_matches(name: str, value: Json) -> None:
    """A mismatch is no error: neither of the variable nor of the operand's path."""
    prefix = next(each for each in ("String", "Numeric", "Boolean", "Timestamp") if name.startswith(each))
    operand: Json = {"String": "a", "Numeric": 1, "Boolean": True, "Timestamp": EARLY}[prefix]
    left, right = {"x": value, "y": operand}, {"x": operand, "y": value}
    if prefix not in kind(value):
        assert not matches({"Variable": "$.x", name: operand}, left)
        assert not matches({"Variable": "$.x", f"{name}Path": "$.y"}, left)
        assert not matches({"Variable": "$.x", f"{name}Path": "$.y"}, right)


@pytest.mark.parametrize("value", VALUES)
def test_type_tests(value: Json) -> None:
    expected = {
        "IsNull": value is None,
        "IsString": isinstance(value, str),
        "IsNumeric": "Numeric" in kind(value),
        "IsBoolean": isinstance(value, bool),
        "IsTimestamp": value == EARLY and isinstance(value, str),
    }
    assert expected.keys() == TYPE_TESTS.keys()
    for name, result in expected.items():
        assert matches({"Variable": "$.x", name: True}, {"x": value}) is result
        assert matches({"Variable": "$.x", name: False}, {"x": value}) is not result


def test_presence() -> None:
    for path, present in (
        ("$.x", True),
        ("$.y", False),
        ("$.x.y", False),
        ("$v", True),
        ("$w.a", False),
        ("$$.Map", False),
    ):
        for expected in (True, False):
            assert matches({"Variable": path, "IsPresent": expected}, {"x": None}, v=1) is (present is expected)


@pytest.mark.parametrize("name", sorted(OPERATORS - {"And", "Or", "Not", "IsPresent"}))
def test_missing_variable_fails_the_state(name: str) -> None:
    operand = "$.x" if name.endswith("Path") else True if name.startswith("Is") else example(name)

    with pytest.raises(StatesError) as error:
        matches({"Variable": "$.missing.value", name: operand}, {"x": 1})
    assert error.value.error == "States.Runtime"
    assert error.value.cause == (
        "Invalid path '$.missing.value': The choice state's condition path references an invalid value."
    )


def example(name: str) -> Json:
    """Return an operand of a comparator."""
    return 1 if name.startswith("Numeric") else True if name.startswith("Boolean") else EARLY


@pytest.mark.parametrize("name", sorted(f"{name}Path" for name in COMPARATORS))
def test_missing_operand_fails_the_state(name: str) -> None:
    with pytest.raises(StatesError, match=r"Invalid path '\$v': The choice state's condition path"):
        matches({"Variable": "$.x", name: "$v"}, {"x": example(name)})


def test_number_of_comparators() -> None:
    assert len(OPERATORS - {"And", "Or", "Not"}) == 39


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("*.mp4", "a.mp4", True),
        ("*.mp4", ".mp4", True),
        ("*.mp4", "a.mp3", False),
        ("a*c*e", "abcde", True),
        ("a*c*e", "ace", True),
        ("a*c*e", "aec", False),
        ("ab*ba", "aba", False),
        ("*", "", True),
        ("**", "a", True),
        ("", "", True),
        ("", "a", False),
        ("a?c", "abc", False),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        (r"a\\*", "a\\bc", True),
        ("A*", "abc", False),
        ("*é*", "café au lait", True),
        ("a*", "a\nb", True),
        ("*", 5, False),
        ("*", None, False),
    ],
)
def test_string_matches(pattern: str, value: Json, expected: bool) -> None:
    assert matches({"Variable": "$.x", "StringMatches": pattern}, {"x": value}) is expected


@pytest.mark.parametrize("pattern", ["a\\", r"\a", r"*\?", "\\\\\\"])
def test_open_escape_fails_the_state(pattern: str) -> None:
    with pytest.raises(StatesError) as error:
        matches({"Variable": "$.x", "StringMatches": pattern}, {"x": "a"})
    assert error.value.error == "States.Runtime"


def test_time_of_string_matches_grows_with_the_value() -> None:
    started = time.process_time()

    assert not matches({"Variable": "$.x", "StringMatches": "*a" * 50 + "*b"}, {"x": "a" * 100_000})
    assert time.process_time() - started < 1


PRESENT, MISSING_PATH = {"Variable": "$.x", "IsPresent": True}, {"Variable": "$.no", "StringEquals": "a"}
ABSENT = {"Variable": "$.no", "IsPresent": True}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"And": [PRESENT, PRESENT]}, True),
        ({"And": [PRESENT, ABSENT]}, False),
        ({"And": [ABSENT, MISSING_PATH]}, False),
        ({"Or": [ABSENT, PRESENT]}, True),
        ({"Or": [PRESENT, MISSING_PATH]}, True),
        ({"Or": [ABSENT]}, False),
        ({"Not": ABSENT}, True),
        ({"Not": {"Or": [ABSENT, {"Not": {"And": [PRESENT]}}]}}, True),
        ({"And": [PRESENT], "Next": "A", "Comment": "c", "Assign": {"a": 1}, "Output": {}}, True),
    ],
)
def test_combined_conditions_stop_at_the_first_that_decides(rule: dict[str, Any], expected: bool) -> None:
    assert matches(rule, {"x": 1}) is expected


@pytest.mark.parametrize(
    "rule", [{"And": [PRESENT, MISSING_PATH]}, {"Or": [ABSENT, MISSING_PATH]}, {"Not": MISSING_PATH}]
)
def test_missing_variable_in_a_combined_condition_fails_the_state(rule: dict[str, Any]) -> None:
    with pytest.raises(StatesError):
        matches(rule, {"x": 1})


def test_variables_come_from_every_root() -> None:
    assert matches({"Variable": "$$.Execution.Name", "StringEquals": "run"}, {})
    assert matches({"Variable": "$v.a[0]", "NumericEqualsPath": "$.x"}, {"x": 1}, v={"a": [1]})
    assert matches({"Variable": "$.list.length()", "NumericEquals": 2}, {"list": [1, 2]})


@pytest.mark.parametrize(
    "rule",
    [
        *(
            {},
            {"Variable": "$.x"},
            {"Variable": "$.x", "Unknown": 1},
            {"StringEquals": "a"},
            {"Variable": "x", "StringEquals": "a"},
        ),
        *({"Variable": "$.x", "StringEquals": "a", "NumericEquals": 1}, {"And": [PRESENT], "Or": [PRESENT]}),
        *({"And": []}, {"Or": {}}, {"And": [1]}, {"Not": []}, {"Not": {}}, {"And": PRESENT}),
        *(
            {"Variable": "$.x", "StringEquals": 1},
            {"Variable": "$.x", "NumericEquals": "1"},
            {"Variable": "$.x", "NumericEquals": True},
        ),
        *(
            {"Variable": "$.x", "BooleanEquals": 1},
            {"Variable": "$.x", "TimestampEquals": "today"},
            {"Variable": "$.x", "IsNull": 1},
        ),
        *(
            {"Variable": "$.x", "StringMatches": None},
            {"Variable": "$.x", "StringEqualsPath": "y"},
            {"Variable": 1, "IsNull": True},
        ),
        {"Variable": "$.x", "StringMatchesPath": "$.y"},
    ],
)
def test_invalid_rule_is_a_definition_error(rule: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        compile_condition(rule)


def test_depth_is_bounded() -> None:
    rule: dict[str, Any] = PRESENT
    for _ in range(2_000):
        rule = {"Not": rule}

    with pytest.raises(DefinitionError, match="levels deep"):
        compile_condition(rule)
