"""Many patterns at once."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.rules import Index, Pattern
from tests.unit.streams.rules.drawn import EVENTS, PATTERNS
from tests.unit.streams.rules.test_pattern import CASES


def index(*patterns: Any) -> Index:
    return Index({str(number): Pattern(pattern) for number, pattern in enumerate(patterns)})


@given(patterns=st.lists(PATTERNS, min_size=1, max_size=6), event=EVENTS)
def test_it_finds_what_each_pattern_alone_would_match(patterns: list[Any], event: Any) -> None:
    alone = [str(number) for number, pattern in enumerate(patterns) if Pattern(pattern).matches(event)]
    assert index(*patterns).match(event) == alone


def test_it_finds_them_among_all_known_cases() -> None:
    valid = {case["name"]: Pattern(case["pattern"]) for case in CASES if case["expect"] != "invalid pattern"}
    every = Index(valid)
    for case in CASES:
        assert every.match(case["event"]) == [name for name, each in valid.items() if each.matches(case["event"])]


def test_a_pattern_that_matches_in_two_ways_is_named_once() -> None:
    assert index({"$or": [{"a": [1]}, {"b": [2]}]}).match({"a": 1, "b": 2}) == ["0"]


def test_without_patterns_nothing_matches() -> None:
    assert Index({}).match({"a": 1}) == []


def test_thousands_of_matches_are_all_named_in_order() -> None:
    many = index(*({"a": [1], "b": [{"anything-but": f"x{n}"}]} for n in range(3000)))
    assert many.match({"a": 1, "b": "x7"}) == [str(n) for n in range(3000) if n != 7]


def test_wildcards_that_share_their_beginning_are_told_apart() -> None:
    many = index(*({"a": [{"wildcard": f"arn:aws:s3:::*/{n:04d}/*"}]} for n in range(2000)))
    assert many.match({"a": "arn:aws:s3:::bucket/1234/x"}) == ["1234"]


def test_a_name_with_a_dot_is_a_path() -> None:
    assert index({"a": {"b": [1]}}, {"a.b": [1]}).match(json.loads('{"a.b": 1}')) == ["0", "1"]


def test_an_empty_list_is_nothing() -> None:
    assert index({"a": [{"exists": False}]}, {"a": [{"exists": True}]}).match({"a": []}) == ["0"]
