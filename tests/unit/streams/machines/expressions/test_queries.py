"""Tests of paths that select any number of values, with the semantics of Jayway JsonPath."""

from __future__ import annotations

import time
from typing import Any

import pytest

from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.expressions.paths import query
from headrace.streams.machines.expressions.paths.path import compile_path
from headrace.streams.machines.expressions.scope import MISSING
from headrace.streams.machines.json_types import Json
from tests.unit.streams.machines.expressions.support import scope_of

A: dict[str, Any] = {"p": 1, "n": "abc", "in": {"p": 9}}
B = {"p": 5, "n": "x]y"}
C = {"n": None}
INPUT = {
    "items": [A, B, C, 3],
    "o": {"a": 1, "b": 2, "c": {"a": 3}},
    "limit": 3,
    "nums": [4, 2.5, 1, "no"],
    "empty": [],
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("$.items[*].p", [1, 5]),
        ("$.items[0:1]", [A]),
        ("$.items[1:3]", [B, C]),
        ("$.items[-2:]", [C, 3]),
        ("$.items[:-3]", [A]),
        ("$.items[:].p", [1, 5]),
        ("$.items[5:9]", []),
        ("$.items[2:1]", []),
        ("$.items[0,1].p", [1, 5]),
        ("$.items[0,9]", [A]),
        ("$.items[1,-4].p", [5, 1]),
        ("$.o.*", [1, 2, {"a": 3}]),
        ("$.o[*]", [1, 2, {"a": 3}]),
        ("$..p", [1, 9, 5]),
        ("$..a", [1, 3]),
        ("$..['a']", [1, 3]),
        ("$.items..p", [1, 9, 5]),
        ("$..items[0].p", [1]),
        ("$.o..*", [1, 2, {"a": 3}, 3]),
        ("$.limit[*]", []),
        ("$.empty[*]", []),
        ("$.o[1:]", []),
        ("$.items[*].in.p", [9]),
        ("$['items'][*]['p']", [1, 5]),
    ],
)
def test_query_returns_an_array(text: str, values: Json) -> None:
    assert compile_path(text).read(scope_of(INPUT)) == values


@pytest.mark.parametrize(
    "text", ["$.no[*]", "$.no.no[*]", "$.no[1:]", "$.no..a", "$.no[?(@.a)]", "$.no[0,1].a", "$[*].a"]
)
def test_missing_start_of_a_query_is_an_empty_array(text: str) -> None:
    """Recorded on AWS; Jayway JsonPath itself fails."""
    assert compile_path(text).read(scope_of({})) == []


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("@.p", [A, B]),
        ("!(@.p)", [C, 3]),
        ("@.p == 1", [A]),
        ("@.p==1.0", [A]),
        ("@.p != 1", [B, C, 3]),
        ("@.p > 1", [B]),
        ("@.p >= 1 && @.n == 'abc'", [A]),
        ("@.p == 1 || @.p == 5", [A, B]),
        ("(@.p == 1 || @.p == 5) && @.p < 3", [A]),
        ("@.p > $.limit", [B]),
        ("@.n == 'x]y'", [B]),
        ('@["n"] == "abc"', [A]),
        ("@.n == null", [C]),
        ("@.in.p == 9", [A]),
        ("@.p in [5, 6]", [B]),
        ("@.n in ['abc', 'x]y']", [A, B]),
        ("@.p > '0'", []),
        ("@.p == true", []),
        ("@.n =~ /ab./", [A]),
        ("@.n =~ /ab/", []),
        ("@.n =~ /AB./i", [A]),
        ("@.n =~ /[a-z]\\]y/", [B]),
        ("@.n =~ /[a-z][\\]]y/", [B]),
        ("@.p =~ /1/", []),
    ],
)
def test_filter_selects_elements(condition: str, values: Json) -> None:
    assert compile_path(f"$.items[?({condition})]").read(scope_of(INPUT)) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("$.items[?(@.p nin [1])].p", [5]),
        ("$.items[?(@.p == 1)].in.p", [9]),
        ("$.nums[?(@ > 2)]", [4, 2.5]),
        ("$.o[?(@.a == 1)].b", [2]),
        ("$.o[?(@.a == 2)]", []),
        ("$..[?(@.p)].p", [1, 9, 5]),
        ("$.items[?(@.p)][?(@.n == 'abc')].p", [1]),
        ("$list[?(@.x == 1)].x", [1]),
        ("$$.Map[?(@.x == 2)].x", [2]),
    ],
)
def test_filter_in_other_positions(text: str, values: Json) -> None:
    """A filter tests the object itself, not its members, and each object once after `..`."""
    scope = scope_of(INPUT, {"Map": [{"x": 2}]}, list=[{"x": 1}])

    assert compile_path(text).read(scope) == values


def test_several_names_at_the_end_select_an_object() -> None:
    scope = scope_of(INPUT)

    assert compile_path("$.o['a','b']").read(scope) == {"a": 1, "b": 2}
    assert compile_path("$.o['b', 'no']").read(scope) == {"b": 2}
    assert compile_path("$.items[*]['p','n']").read(scope)[0] == {"p": 1, "n": "abc"}
    assert compile_path("$['o','items']['a','b']").read(scope) == [{"a": 1, "b": 2}]
    assert compile_path("$.limit['a','b']").find(scope) is MISSING


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.nums.max()", 4),
        ("$.nums.min()", 1),
        ("$.nums.sum()", 7.5),
        ("$.nums.avg()", 2.5),
        ("$.items[*].p.stddev()", 2),
        ("$.items.length()", 4),
        ("$.o.length()", 3),
        ("$.items[*].p.length()", 2),
        ("$.o.keys()", ["a", "b", "c"]),
        ("$.nums.first()", 4),
        ("$.nums.last()", "no"),
        ("$.length()", 5),
    ],
)
def test_function_at_the_end(text: str, value: Json) -> None:
    assert compile_path(text).read(scope_of(INPUT)) == value


@pytest.mark.parametrize(
    "text", ["$.empty.max()", "$.no.length()", "$.limit.length()", "$.empty.first()", "$.nums.keys()"]
)
def test_function_without_a_result_fails(text: str) -> None:
    with pytest.raises(StatesError) as error:
        compile_path(text).read(scope_of(INPUT))
    assert error.value.error == "States.Runtime"


@pytest.mark.parametrize("numbers", [[1e308, 1e308], [10**400], [float("inf")]])
def test_function_beyond_the_range_of_numbers_fails(numbers: Json) -> None:
    with pytest.raises(StatesError):
        compile_path("$.sum()").read(scope_of(numbers))


def test_query_of_a_missing_variable_fails() -> None:
    with pytest.raises(StatesError):
        compile_path("$no[*]").read(scope_of({}))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "$[?]",
            "$[?()]",
            "$[?(@.a ==)]",
            "$[?(@.a === 1)]",
            "$[?(@.a == 1]",
            "$[?(a)]",
            "$[?(@.a,@.b)]",
            "$[?(@.a =~ /(/)]",
        ),
        *("$[?(@.a =~ /(?=a)/)]", "$[?(@.a =~ /a{99999}/)]", "$[?match(@.a, 'a')]", "$[?search(@.a, '(a+)+$')]"),
        *("$[(@.length-1)]", "$.a.nothing()", "$..length()", "$[?(" + "(" * 2_000 + "@.a" + ")" * 2_000 + ")]"),
        *("$[?(" + "!" * 900 + "@.a)]", "$[?(@.a == '" + "x" * 3_000 + "')]", "$[?@.a], $[0]"),
    ],
)
def test_invalid_query_is_a_definition_error(text: str) -> None:
    with pytest.raises(DefinitionError):
        compile_path(text)


def test_error_of_a_filter_is_one_line() -> None:
    with pytest.raises(DefinitionError, match=r"^The filter '\?\(@\.a ==\)' is invalid: [^\n]+$"):
        compile_path("$.x[?(@.a ==)]")


def test_pattern_of_a_filter_cannot_stop_a_worker() -> None:
    path = compile_path("$[?(@.a =~ /(a+)+b/)]")
    started = time.process_time()

    assert path.read(scope_of([{"a": "a" * 50_000}])) == []
    assert time.process_time() - started < 1


def test_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MAX_MATCHES", 1_000)
    value: Json = 1
    for _ in range(8):
        value = [value, value]

    assert len(compile_path("$..*").read(scope_of(value))) == 510
    with pytest.raises(StatesError, match="more than 1000 values"):
        compile_path("$..*..*").read(scope_of(value))


def test_depth_of_the_value_is_not_limited() -> None:
    value: Json = {"a": 1}
    for _ in range(5_000):
        value = {"x": value}

    assert compile_path("$..a").read(scope_of(value)) == [1]
