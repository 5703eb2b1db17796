"""Tests of the index of many patterns."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.streams.rules import Index, Pattern
from headrace.streams.rules.index import codegen, field_tree
from headrace.streams.rules.index import index as indexes
from tests.fuzz import rules
from tests.unit.streams.rules.generated_patterns import EVENTS, PATTERNS
from tests.unit.streams.rules.test_pattern import CASES


def index(*patterns: Any) -> Index:
    return Index({str(number): Pattern(pattern) for number, pattern in enumerate(patterns)})


@pytest.fixture(params=["default", "present names", "no inlining", "small cache"])
def strategy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each matching strategy, including those that only large indexes use."""
    if request.param == "present names":
        monkeypatch.setattr(field_tree, "MAX_TYPED_NAMES", 1)
    if request.param == "no inlining":
        monkeypatch.setattr(codegen, "MAX_INLINE_DEPTH", 1)
    if request.param == "small cache":
        monkeypatch.setattr(indexes, "MAX_CACHED_RESULTS", 2)
        monkeypatch.setattr(field_tree, "MAX_CACHED_RESULTS", 1)
    return str(request.param)


@pytest.mark.usefixtures("strategy")
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=6), events=st.lists(EVENTS, min_size=1, max_size=4))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_index_agrees_with_each_pattern_alone(patterns: list[Any], events: list[Any]) -> None:
    combined = index(*patterns)
    for event in [*events, *events]:
        alone = [str(number) for number, pattern in enumerate(patterns) if Pattern(pattern).matches(event)]
        assert combined.match(event) == alone
        assert combined.match_json(orjson.dumps(event)) == alone


def test_index_agrees_with_each_pattern_of_the_case_file() -> None:
    valid = {
        case["id"]: Pattern(case["input"]["pattern"])
        for case in CASES
        if case["expect"]["verdict"] != "invalid pattern"
    }
    combined = Index(valid)
    for event in (case["input"]["event"] for case in CASES):
        alone = [name for name, each in valid.items() if each.matches(event)]
        assert combined.match(event) == alone
        assert combined.match_json(json.dumps(event)) == alone


def test_pattern_with_two_matching_branches_is_returned_once() -> None:
    assert index({"$or": [{"a": [1]}, {"b": [2]}]}).match({"a": 1, "b": 2}) == ["0"]


def test_empty_index_matches_nothing() -> None:
    assert Index({}).match({"a": 1}) == []


def test_returns_thousands_of_matches_in_order() -> None:
    many = index(*({"a": [1], "b": [{"anything-but": f"x{n}"}]} for n in range(3000)))
    assert many.match({"a": 1, "b": "x7"}) == [str(n) for n in range(3000) if n != 7]


def test_distinguishes_wildcards_with_a_common_prefix() -> None:
    many = index(*({"a": [{"wildcard": f"arn:aws:s3:::*/{n:04d}/*"}]} for n in range(2000)))
    assert many.match({"a": "arn:aws:s3:::bucket/1234/x"}) == ["1234"]


def test_finds_a_wildcard_literal_at_any_position() -> None:
    many = index(*({"a": [{"wildcard": f"*/{n:04d}/*.jpg"}]} for n in range(2000)))
    assert many.match({"a": "x/y/1234/0007/0007/z.jpg"}) == ["7", "1234"]


@pytest.mark.parametrize("text", ["absent", "number", "other", "several"])
def test_no_text_is_mistaken_for_a_kind_of_value(text: str) -> None:
    found = index({"a": [text]}, {"a": [{"anything-but": "x"}]}, {"a": [{"exists": False}]})
    assert found.match({"a": text}) == found.match({"a": [text]}) == ["0", "1"]


def test_name_with_a_dot_is_a_path() -> None:
    assert index({"a": {"b": [1]}}, {"a.b": [1]}).match(json.loads('{"a.b": 1}')) == ["0", "1"]


def test_empty_list_counts_as_missing() -> None:
    assert index({"a": [{"exists": False}]}, {"a": [{"exists": True}]}).match({"a": []}) == ["0"]


@pytest.mark.usefixtures("strategy")
@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 0}, {"b": 1, "c": 2}]}, True),
        ({"a": {"b": [1], "c": {"d": [2]}}}, {"a": [{"b": 1, "c": [{"d": 3}, {"d": 2}]}]}, True),
        ({"a": {"b": [1], "c": {"d": [2]}}}, {"a": [{"b": 1, "c": []}, {"c": [{"d": 2}]}]}, False),
        ({"a": {"b": [1], "c": [{"exists": False}]}}, {"a": [{"b": 1}, {"c": 2}]}, True),
        ({"a": {"b": [{"exists": False}], "c": [1]}}, {"a": [{"c": 1}, {"b": 2}]}, False),
        ({"a": ["x"]}, {"a": ["x", {"b": 1}]}, True),
        ({"a": {"b": [1]}}, {"a": ["x", {"b": 1}, None]}, True),
        ({"a": {"b": [1]}}, {"a": [[{"b": 1}]]}, True),
        ({"a": {"b": [1]}}, {"a": []}, False),
        ({"a": {"b": [{"exists": False}]}}, {"a": [1, 2]}, True),
        ({"a": {"b": [1]}}, {"a.b": 1}, True),
        ({"a": {"b": {"c": [1]}}}, {"a": {"b.c": 1}}, True),
        ({'"': {"\\": ["x"], "\n": [1]}}, {'"': {"\\": "x", "\n": 1.0}}, True),
        ({"": {"ü": ["x"]}}, {"": {"ü": "x"}}, True),
        ({"a": [2**64 + 1]}, {"a": 2.0**64}, False),
    ],
)
def test_matches_one_pattern_in_an_index(pattern: Any, event: Any, matches: bool) -> None:
    also = {"a": ["z"], "b": [{"exists": True}]}
    assert index(pattern, also).match(event) == ["0"] * matches
    assert index(pattern, also).match_json(json.dumps(event)) == ["0"] * matches


@pytest.mark.parametrize("event", ["[]", "1", "", "{", '{"a": 1} x', '{"a": nan}', "[" * 100_000])
def test_rejects_events_that_are_not_json_objects(event: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        index({"a": [1]}).match_json(event)


def test_matches_each_of_a_thousand_paths() -> None:
    many = index(*({"x": {f"k{n}": {"y": [n]}}} for n in range(1000)))
    assert many.match({"x": {"k7": {"y": 7}, "k8": {"y": 9}, "other": 1}}) == ["7"]
    assert many.match({"x": [{"k7": {"y": 7}}, {"k8": [{"y": 8}]}]}) == ["7", "8"]


def test_matches_deep_paths() -> None:
    steps = [f"s{n}" for n in range(90)]
    pattern: Any = ["end"]
    event: Any = "end"
    for step in reversed(steps):
        pattern, event = {step: pattern}, {step: event}
    assert index(pattern).match_json(orjson.dumps(event)) == ["0"]


def test_matches_prefixes_and_suffixes_of_many_lengths() -> None:
    parts = ["", "a", "ab", "abc", "abd", "b", "ba"]
    begins, ends = (
        index(*({"a": [{"prefix": part}]} for part in parts)),
        index(*({"a": [{"suffix": p}]} for p in parts)),
    )
    for value in ("", "a", "ab", "abcd", "abca", "ba", "bab", "dba", "z"):
        assert begins.match({"a": value}) == [str(n) for n, part in enumerate(parts) if value.startswith(part)]
        assert ends.match({"a": value}) == [str(n) for n, part in enumerate(parts) if value.endswith(part)]


def test_evaluates_a_wildcard_once_for_repeated_literals() -> None:
    many = index(*({"a": [{"wildcard": f"*/a/*{n}*z"}]} for n in range(50)))
    assert many.match({"a": "/a/" * 50_000 + "z"}) == []


def test_cache_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "MAX_CACHED_RESULTS", 100)
    many = index(*({"a": [f"x{n}"]} for n in range(300)))
    for n in range(300):
        assert many.match({"a": f"x{n}"}) == [str(n)]
    assert sum(map(len, many._cache.values())) <= 100


def test_fuzz_run_agrees_with_the_reference_matcher() -> None:
    assert rules.agree_with_reference_matcher(1000, seed=1)["match"] > 20
