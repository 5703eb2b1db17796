"""Tests of paths that select at most one value."""

from __future__ import annotations

import copy

import pytest

from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.expressions.paths.path import compile_path, compile_reference_path
from headrace.streams.machines.expressions.scope import MISSING
from headrace.streams.machines.json_types import Json
from tests.unit.streams.machines.expressions.support import scope_of

INPUT = {"a": {"b": [1, {"c": None}], "d e": 2, "x.y": 3, "": 4, "ß": 5, "it's": 6, 'q"': 7}, "text": "abc"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$", INPUT),
        ("$.a.b", [1, {"c": None}]),
        ("$.a.b[0]", 1),
        ("$.a.b.[0]", 1),
        ("$.['a'].b", [1, {"c": None}]),
        ("$.a.b[-2]", 1),
        ("$.a.b[1].c", None),
        ("$['a']['d e']", 2),
        ("$['a']['x.y']", 3),
        (r"$.a.x\.y", 3),
        ("$.a['']", 4),
        ("$.a.ß", 5),
        (r"$.a['it\'s']", 6),
        ('$.a["it\'s"]', 6),
        ("$.a['q\"']", 7),
        ("$[ 'a' ].b[ 0 ]", 1),
        ("$$", {"Execution": {"Id": "e"}}),
        ("$$.Execution.Id", "e"),
        ("$$['Execution']['Id']", "e"),
        ("$name", {"list": [7]}),
        ("$name.list[0]", 7),
        ("$größe", 8),
    ],
)
def test_reads_the_value(text: str, value: Json) -> None:
    scope = scope_of(INPUT, {"Execution": {"Id": "e"}}, name={"list": [7]}, größe=8)

    assert compile_path(text).read(scope) == value


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("$.none", "Invalid path '$.none' : No results for path: $['none']"),
        ("$.none.of", "Invalid path '$.none.of' : Missing property in path $['none']"),
        ("$.a.none.of.it", "Invalid path '$.a.none.of.it' : Missing property in path $['a']['none']"),
        ("$.a.b[2]", "Invalid path '$.a.b[2]' : No results for path: $['a']['b'][2]"),
        ("$.a.b[-3]", "Invalid path '$.a.b[-3]' : No results for path: $['a']['b'][-3]"),
        ("$.text[0]", "Invalid path '$.text[0]' : No results for path: $['text'][0]"),
        ("$.text.length", "Invalid path '$.text.length' : No results for path: $['text']['length']"),
        ("$.a[0]", "Invalid path '$.a[0]' : No results for path: $['a'][0]"),
        ("$$.Task.Token", "Invalid path '$$.Task.Token' : Missing property in path $['Task']"),
        ("$unknown", "Invalid path '$unknown' : No results for path: $"),
        ("$unknown.a", "Invalid path '$unknown.a' : No results for path: $['a']"),
    ],
)
def test_missing_value_fails(text: str, cause: str) -> None:
    path = compile_path(text)

    assert path.find(scope_of(INPUT)) is MISSING
    with pytest.raises(StatesError) as error:
        path.read(scope_of(INPUT))
    assert (error.value.error, error.value.cause) == ("States.Runtime", cause)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "text"])
def test_nothing_is_inside_a_scalar(value: Json) -> None:
    for text in ("$.a", "$[0]", "$['a']"):
        assert compile_path(text).find(scope_of(value)) is MISSING


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a.b", "$a.", "$.", "$.a.", "$..", "$.a b", "$a b", "$ .a", "$.a..", "$.a()", "$.a]"),
        *(
            "$[",
            "$[]",
            "$['a'",
            "$['a",
            "$[a]",
            "$['a']b",
            "$.a[1",
            "$[1.5]",
            "$['a',]",
            "$['a' 'b']",
            "$[99999999999]",
        ),
        *("$[?(@.a]", "$.a.length().b", "$" + ".a" * 501, "$." + "a" * 10_000, "$" + "[" * 3_000),
        "$['" + "\\" * 3_001 + "']",
    ],
)
def test_invalid_path_is_a_definition_error(text: str) -> None:
    with pytest.raises(DefinitionError):
        compile_path(text)


@pytest.mark.parametrize(
    "text", ["$[*]", "$.*", "$..a", "$.a[1:2]", "$[0,1]", "$['a','b']", "$[?(@.a)]", "$.a.length()"]
)
def test_query_is_not_a_reference_path(text: str) -> None:
    with pytest.raises(DefinitionError, match="more than one value"):
        compile_reference_path(text)


@pytest.mark.parametrize(
    ("text", "target", "result"),
    [
        ("$", {"a": 1}, 9),
        ("$.a", {"a": 1, "b": 2}, {"a": 9, "b": 2}),
        ("$.c", {"a": 1}, {"a": 1, "c": 9}),
        ("$.c.d.e", {"a": 1}, {"a": 1, "c": {"d": {"e": 9}}}),
        ("$.a.b", {"a": None}, {"a": {"b": 9}}),
        ("$.a", None, {"a": 9}),
        ("$.a[0]", {"a": [1, 2]}, {"a": [9, 2]}),
        ("$.a[3]", {"a": [1]}, {"a": [1, None, None, 9]}),
        ("$.a[1].b", {}, {"a": [None, {"b": 9}]}),
    ],
)
def test_writes_into_a_copy(text: str, target: Json, result: Json) -> None:
    before = copy.deepcopy(target)

    assert compile_reference_path(text).write(target, 9) == result
    assert target == before


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("$.a", "text"),
        ("$.a", [1]),
        ("$.a", 1),
        ("$[0]", {}),
        ("$.a.b", {"a": True}),
        ("$.a[-1]", {"a": [1]}),
        ("$[100001]", []),
    ],
)
def test_write_through_another_type_fails(text: str, target: Json) -> None:
    with pytest.raises(StatesError) as error:
        compile_reference_path(text).write(target, 9)
    assert error.value.error == "States.Runtime"
