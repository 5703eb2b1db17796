"""Tests of the event pattern language."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given

from headrace.streams.rules import InvalidPatternError, Pattern
from tests.support import reference_matcher
from tests.support.conformance_vectors import load_lines
from tests.unit.streams.rules.generated_patterns import EVENTS, JSON, PATTERNS

CASES = load_lines("event-patterns")


def verdict(pattern: Any, event: Any) -> str:
    try:
        return "match" if Pattern(pattern).matches(event) else "no match"
    except InvalidPatternError:
        return "invalid pattern"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_verdict_equals_eventbridge(case: dict[str, Any]) -> None:
    assert verdict(case["input"]["pattern"], case["input"]["event"]) == case["expect"]["verdict"]


@pytest.mark.parametrize(
    ("condition", "value", "matches"),
    [
        (100, 100.0, True),
        (100, "100", False),
        (1, True, False),
        (True, 1, False),
        (None, "", False),
        ("", None, False),
        (9007199254740993, 9007199254740993, True),
        (9007199254740993, 9007199254740992, False),
        ({"prefix": ""}, 5, False),
        ({"equals-ignore-case": "straße"}, "STRASSE", True),
        ({"equals-ignore-case": "straße"}, "strasse", False),
        ({"suffix": {"equals-ignore-case": "straße"}}, "HAUPTSTRASSE", True),
        ({"prefix": {"equals-ignore-case": "ÉT"}}, "été", True),
        ({"wildcard": "a*b"}, "ab", True),
        ({"wildcard": "a*b"}, "a\nb", True),
        ({"wildcard": "a*a"}, "a", False),
        ({"wildcard": "a\\*b"}, "axb", False),
        ({"wildcard": "a\\*b"}, "a*b", True),
        ({"wildcard": "*"}, "", True),
        ({"anything-but": "a"}, None, True),
        ({"anything-but": 3}, "3", True),
        ({"anything-but": ["a", "b"]}, ["a", "c"], True),
        ({"anything-but": ["a", "b"]}, ["a", "b"], False),
        ({"numeric": ["=", 0]}, -0.0, True),
        ({"numeric": [">", 0, "<=", 5]}, 5, True),
        ({"numeric": [">", 0, "<=", 5]}, 0, False),
        ({"numeric": [">", 0]}, True, False),
        ({"numeric": [">", 0]}, 10**22, True),
        ({"numeric": [">", 0]}, 2**60, False),
        ({"exists": True}, None, True),
        ({"exists": True}, {"b": 1}, False),
        ({"exists": True}, [], False),
        ({"exists": False}, [], True),
        ({"exists": True}, [{}], False),
        ({"cidr": "10.0.0.7/24"}, "10.0.0.255", True),
        ({"cidr": "10.0.0.0/24"}, "10.0.1.0", False),
        ({"cidr": "10.0.0.0/24"}, "::1", False),
        ({"cidr": "2001:db8::/32"}, "2001:DB8:0::1", True),
        ({"cidr": "10.0.0.0/24"}, "no address", False),
    ],
)
def test_matches_one_alternative(condition: Any, value: Any, matches: bool) -> None:
    assert Pattern({"a": [condition]}).matches({"a": value}) is matches


@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"b": 1, "c": 2}]}, True),
        ({"a": {"b": [1]}, "d": [2]}, {"a": [{"b": 0}, {"b": 1}], "d": [1, 2]}, True),
        ({"a": {"x": {"b": [1], "c": [2]}}}, {"a": [{"x": [{"b": 1}]}, {"x": [{"c": 2}]}]}, False),
        ({"a": {"b": [1], "c": [{"exists": False}]}}, {"a": [{"b": 1}, {"c": 2}]}, True),
        ({"a": {"b": [1]}}, {"a": [[{"b": 1}]]}, True),
        ({"a.b": [1]}, {"a": {"b": 1}}, True),
        ({"a": {"b": [1]}}, {"a.b": 1}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}, {"b": 2, "c": 3}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}, {"b": 2}, False),
        ({"x": {"$or": [{"a": [1]}, {"$or": [{"b": [2]}, {"c": [3]}]}]}}, {"x": {"c": 3}}, True),
        ({"$or": ["a"]}, {"$or": "a"}, True),
    ],
)
def test_matches_several_fields_together(pattern: Any, event: Any, matches: bool) -> None:
    assert Pattern(pattern).matches(event) is matches


@pytest.mark.parametrize(
    ("pattern", "path", "why"),
    [
        ([], "", "a pattern is an object"),
        ({}, "", "an empty object"),
        ({"a": {}}, "a", "an empty object"),
        ({"a": []}, "a", "an empty list"),
        ({"a": "x"}, "a", "a list of alternatives"),
        ({"a": {"b": [[1]]}}, "a.b", "a value or one operator"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "a", "one operator"),
        ({"a": [{"sufix": "y"}]}, "a", "unknown operator 'sufix'"),
        ({"a": [{"numeric": ["!=", 1]}]}, "a", "numeric takes one of"),
        ({"a": [{"numeric": ["<", 10, ">", 0]}]}, "a", "then < or <="),
        ({"a": [{"numeric": [">", 5, "<", 5]}]}, "a", "less than"),
        ({"a": [{"numeric": [">", 9007199254740993]}]}, "a", "a double can hold"),
        ({"a": [{"numeric": [">", 2**60]}]}, "a", "a double can hold"),
        ({"a": [{"wildcard": "a**"}]}, "a", "two wildcards"),
        ({"a": [{"wildcard": "a\\n"}]}, "a", "a backslash"),
        ({"a": [{"wildcard": "*a*b*c*d*e*"}]}, "a", "too complex"),
        ({"a": [{"cidr": "10.0.0.0"}]}, "a", "a mask"),
        ({"a": [{"cidr": "10.0.0.0/32"}]}, "a", "a mask of 0 to 31"),
        ({"a": [{"anything-but": [1, "a"]}]}, "a", "not both"),
        ({"a": [{"anything-but": {"numeric": ["=", 1]}}]}, "a", "anything-but takes one of"),
        ({"a": [{"anything-but": {"prefix": ""}}]}, "a", "empty prefix"),
        ({"$or": [{"a": [1]}]}, "$or", "unknown operator"),
    ],
)
def test_invalid_pattern_error_names_the_path_and_the_rule(pattern: Any, path: str, why: str) -> None:
    with pytest.raises(InvalidPatternError) as raised:
        Pattern(pattern)
    assert raised.value.path == path
    assert why in raised.value.why


def test_rejects_too_many_or_combinations() -> None:
    pattern = {f"x{n}": {"$or": [{"a": [1]}, {"b": [2]}]} for n in range(30)}
    with pytest.raises(InvalidPatternError, match="more than 1000 combinations"):
        Pattern(pattern)


def test_rejects_deep_nesting() -> None:
    pattern: dict[str, Any] = {"a": [1]}
    for _ in range(500):
        pattern = {"a": pattern}
    with pytest.raises(InvalidPatternError, match="levels deep"):
        Pattern(pattern)


def test_rejects_names_with_too_many_dots() -> None:
    with pytest.raises(InvalidPatternError, match="levels deep"):
        Pattern({"a." * 2000 + "a": [1]})


@given(pattern=JSON)
def test_arbitrary_json_raises_only_invalid_pattern_error(pattern: Any) -> None:
    assert verdict(pattern, {"a": 1}) in ("match", "no match", "invalid pattern")


@given(pattern=PATTERNS, event=EVENTS)
@example(pattern={"a": {"b": [{"exists": False}], "c": [1]}}, event={"a": [{"c": 1}, {"b": 2}]})
def test_agrees_with_the_reference_matcher(pattern: Any, event: Any) -> None:
    assert Pattern(pattern).matches(event) is reference_matcher.matches(pattern, event)


def test_wildcard_matching_takes_linear_time() -> None:
    assert not Pattern({"a": [{"wildcard": "*a*a*a*a*b"}]}).matches({"a": "a" * 100_000})


def test_several_large_lists_do_not_multiply_bindings() -> None:
    clauses = {f"l{n}": {"a": [1], "b": [{"exists": True}]} for n in range(6)}
    event = {f"l{n}": [{"a": 1, "b": index} for index in range(40)] for n in range(6)}
    assert Pattern({**clauses, "z": ["never"]}).explain(event)


@pytest.mark.parametrize("condition", [1, {"exists": False}])
def test_list_matching_takes_linear_time(condition: Any) -> None:
    event = {"a": [{"b": index % 2, "c": 2 + index, "d": 0} for index in range(30_000)]}  # quadratic: minutes
    assert not Pattern({"a": {"b": [1], "c": [condition], "d": [0]}}).matches(event)
    assert Pattern({"a": {"b": [1], "c": [{"anything-but": 1}], "d": [0]}}).matches(event)


def test_explain_returns_the_first_failing_clause_and_the_actual_value() -> None:
    mismatch = Pattern({"source": ["aws.s3"], "detail": {"size": [{"numeric": [">", 100]}], "key": ["a"]}}).explain(
        {"source": "aws.s3", "detail": {"size": 5, "key": "a"}}
    )
    assert mismatch is not None
    assert (mismatch.path, mismatch.expected, mismatch.actual) == ("detail.size", [{"numeric": [">", 100]}], (5,))
    assert (mismatch.matched_clauses, mismatch.clauses) == (2, 3)


def test_explain_reports_clauses_met_by_different_elements() -> None:
    mismatch = Pattern({"a": {"b": [1], "c": [2]}}).explain({"a": [{"b": 1}, {"c": 2}]})
    assert mismatch is not None
    assert mismatch.different_elements


def test_explain_returns_the_branch_closest_to_a_match() -> None:
    pattern = {"$or": [{"a": [1], "b": [1]}, {"a": [2], "b": [2], "c": [2]}]}
    mismatch = Pattern(pattern).explain({"a": 2, "b": 2, "c": 9})
    assert mismatch is not None
    assert mismatch.path == "c"


def test_explain_returns_none_for_a_matching_event() -> None:
    assert Pattern({"a": [1]}).explain({"a": 1}) is None
