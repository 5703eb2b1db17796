"""Tests of intrinsic functions."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.expressions.intrinsics.call import compile_intrinsic
from headrace.streams.machines.expressions.intrinsics.functions import FUNCTIONS
from headrace.streams.machines.json_types import Json
from tests.unit.streams.machines.expressions.support import entropy, scope_of

INPUT: dict[str, Any] = {
    "list": [1, 2, 3, 4, 5],
    "mixed": [1, 1.0, True, "1", None, None, [1], [1.0], {"a": 1, "b": 2}, {"b": 2, "a": 1}, False, 0],
    "text": "a,b;c",
    "object": {"a": 1, "b": {"c": None}},
    "other": {"b": 9, "d": [True]},
    "n": None,
    "yes": True,
    "big": "é" * 10_001,
    "json": '{"x": [1, 2.5]}',
    "template": r"\{{}\} at C:\dir",
    "huge": 1e10,
    "deep": [[[[1]]]],
}


def evaluate(text: str, value: Json = INPUT, seed: int = 1) -> Json:
    """Return the result of a call."""
    scope = scope_of(value, {"Execution": {"Name": "run"}}, v=[7])
    return compile_intrinsic(text).evaluate(scope, entropy(seed))


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("States.Array()", []),
        ("States.Array(1, 'a', null, true, $.n, $$.Execution.Name, $v[0])", [1, "a", None, True, None, "run", 7]),
        ("States.Array( -1.5e2 ,$.list[?(@ > 3 && @ in [4,5])] )", [-150.0, [4, 5]]),
        ("States.Array($.list.length(), $['text'])", [5, "a,b;c"]),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayPartition($.list, 1.5)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayPartition($.list, 9)", [[1, 2, 3, 4, 5]]),
        ("States.ArrayContains($.list, 3.0)", True),
        ("States.ArrayContains($.list, '3')", False),
        ("States.ArrayContains($.list, true)", False),
        ("States.ArrayContains($.mixed, $.object)", False),
        ("States.ArrayContains($.mixed, null)", True),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(1, 10, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayRange(1, 0, 1)", []),
        ("States.ArrayRange(0.5, 2.4, 1)", [1, 2]),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", 1000),
        ("States.ArrayGetItem($.list, 0)", 1),
        ("States.ArrayGetItem($.list, 4.0)", 5),
        ("States.ArrayLength($.list)", 5),
        ("States.ArrayUnique($.mixed)", [1, True, "1", None, [1], {"a": 1, "b": 2}, False, 0]),
        ("States.ArrayUnique(States.Array(2, 1, 2, 1))", [2, 1]),
        ("States.Base64Encode('Grüße')", "R3LDvMOfZQ=="),
        ("States.Base64Decode('R3LDvMOfZQ==')", "Grüße"),
        ("States.Base64Decode('/w')", "\ufffd"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.Hash('é', 'MD5')", "66ddcd97cfdeabb2f6fb8a999b4bc76f"),
        ("States.JsonMerge($.object, $.other, false)", {"a": 1, "b": 9, "d": [True]}),
        ("States.StringToJson($.json)", {"x": [1, 2.5]}),
        ("States.StringToJson(' ')", None),
        ("States.StringToJson('[1e2]')", [100.0]),
        ("States.JsonToString($.object)", '{"a":1,"b":{"c":null}}'),
        ("States.JsonToString('é\\'')", '"é\'"'),
        ("States.MathAdd(1.5, -0.5)", 2),
        ("States.MathAdd(-1.5, 2)", 1),
        ("States.StringSplit($.text, ',;')", ["a", "b", "c"]),
        ("States.StringSplit('a-b]c^d', '-]^')", ["a", "b", "c", "d"]),
        ("States.StringSplit('abc', '')", ["abc"]),
        ("States.StringSplit('', ',')", []),
        ("States.Format('plain')", "plain"),
        ("States.Format('{}{}', 'a', 1)", "a1"),
        ("States.Format('{} {} {} {}', null, true, 1.5, $.huge)", "null true 1.5 1.0E10"),
        ("States.Format('{}', $.object)", "{a=1, b={c=null}}"),
        ("States.Format('{}', $.deep)", "[[[[1]]]]"),
        (r"States.Format('\{{}\}', 1)", "{1}"),
        (r"States.Format('it\'s \\{}', 1)", "it's \\1"),
        (r"States.Format('{\}{}', 1)", "{}1"),
        ("States.Format($.template, 1)", r"{1} at C:\dir"),
        ("States.Format('{}', '{}')", "{}"),
        ("States.Format('a,b)({}', States.Format('{}', 'x'))", "a,b)(x"),
        (" States.Format('a') ", "a"),
        ("States.MathRandom(5, 6)", 5),
    ],
)
def test_result(call: str, result: Json) -> None:
    assert evaluate(call) == result


def test_results_keep_the_type_of_their_elements() -> None:
    assert [type(each) for each in evaluate("States.ArrayUnique($.mixed)")[:2]] == [int, bool]
    assert isinstance(evaluate("States.MathAdd(1.4, 1)"), int)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("States.ArrayPartition($.text, 2)", "it needs an array, not a string"),
        ("States.ArrayPartition($.list, 0)", "the chunk size must be at least 1, not 0"),
        ("States.ArrayPartition($.list, '2')", "it needs a number, not a string"),
        ("States.ArrayContains($.object, 1)", "it needs an array, not an object"),
        ("States.ArrayRange(1, 5, 0)", "the step must not be 0"),
        ("States.ArrayRange(0, 1000, 1)", "the array would have more than 1000 elements"),
        ("States.ArrayRange(1, true, 1)", "it needs a number, not a boolean"),
        ("States.ArrayGetItem($.list, 5)", "the index 5 is outside an array of 5 elements"),
        ("States.ArrayGetItem($.list, -1)", "the index -1 is outside an array of 5 elements"),
        ("States.ArrayGetItem($.list, 1.5)", "it needs an integer, not 1.5"),
        ("States.ArrayLength(null)", "it needs an array, not null"),
        ("States.ArrayUnique('aa')", "it needs an array, not a string"),
        ("States.Base64Encode($.big)", "the string has more than 10000 characters"),
        ("States.Base64Encode(1)", "it needs a string, not a number"),
        ("States.Base64Decode('?')", "the string is not Base64"),
        ("States.Base64Decode('YQ=')", "the string is not Base64"),
        ("States.Base64Decode('é')", "the string is not Base64"),
        ("States.Hash($.big, 'MD5')", "the string has more than 10000 characters"),
        ("States.Hash('a', 'CRC')", "the algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512"),
        ("States.Hash('a', 1)", "it needs a string, not a number"),
        ("States.Hash($.object, 'MD5')", "it needs a string, not an object"),
        (
            "States.JsonMerge($.object, $.other, true)",
            "the third argument must be false: deep merging is not supported",
        ),
        ("States.JsonMerge($.object, $.other, 0)", "the third argument must be false: deep merging is not supported"),
        ("States.JsonMerge($.list, $.other, false)", "it needs an object, not an array"),
        ("States.JsonMerge($.object, null, false)", "it needs an object, not null"),
        ("States.StringToJson('{')", "the string is not JSON"),
        ("States.StringToJson('NaN')", "the string is not JSON"),
        ("States.StringToJson(1)", "it needs a string, not a number"),
        ("States.MathAdd('1', 2)", "it needs a number, not a string"),
        ("States.MathAdd(null, 2)", "it needs a number, not null"),
        ("States.MathRandom(5, 5)", "the end 5 must be above the start 5"),
        ("States.MathRandom(5, 1)", "the end 1 must be above the start 5"),
        ("States.MathRandom('a', 1)", "it needs a number, not a string"),
        ("States.StringSplit(1, ',')", "it needs a string, not a number"),
        ("States.StringSplit('a', null)", "it needs a string, not null"),
        ("States.Format('{}')", "the template has 1 placeholders, but there are 0 values"),
        ("States.Format('{}', 1, 2)", "the template has 1 placeholders, but there are 2 values"),
        ("States.Format(1)", "it needs a string, not a number"),
        ("States.Format($.n, 1)", "it needs a string, not null"),
    ],
)
def test_invalid_argument_is_an_intrinsic_failure(call: str, reason: str) -> None:
    with pytest.raises(StatesError) as error:
        evaluate(call)
    assert error.value.error == "States.IntrinsicFailure"
    name = re.match(r"[\w.]+", call)
    assert name is not None
    assert error.value.cause == f"The function '{name[0]}' failed: {reason}."


@pytest.mark.parametrize(
    "call", ["States.Format($.no, 1)", "States.Array(States.ArrayLength($.no))", "States.Array($no)"]
)
def test_missing_argument_is_a_runtime_error(call: str) -> None:
    with pytest.raises(StatesError) as error:
        evaluate(call, {"other": 1})
    assert error.value.error == "States.Runtime"


def test_cause_of_a_missing_argument_names_its_path() -> None:
    with pytest.raises(StatesError) as error:
        evaluate("States.ArrayLength($.no)", {"other": 1})
    assert error.value.cause == (
        "The JsonPath argument for the field '$.no' could not be found in the input '{\"other\":1}'"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_number_of_arguments_is_checked_at_creation(name: str) -> None:
    function = FUNCTIONS[name]

    if function.fewest:
        with pytest.raises(DefinitionError, match=f"'States.{name}' takes"):
            compile_intrinsic(f"States.{name}({', '.join(['1'] * (function.fewest - 1))})")
    if function.most is not None:
        with pytest.raises(DefinitionError, match=f"'States.{name}' takes"):
            compile_intrinsic(f"States.{name}({', '.join(['1'] * (function.most + 1))})")


def test_every_function_exists() -> None:
    assert len(FUNCTIONS) == 18


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "States",
            "States.",
            "States.Format",
            "States.Format(",
            "States.Format('a'",
            "States.Format('a',)",
            "States.Array(,)",
        ),
        *(
            "States.Format('a') x",
            "States.Nope()",
            "Format('a')",
            "States.Array('a)",
            'States.Array("a")',
            "States.Array(01)",
        ),
        *(
            r"States.Array('\n')",
            r"""States.Array('\"')""",
            "States.Array('it's')",
            "States.Array(a)",
            "States.Array(1 2)",
        ),
        *(
            "States.Array($.)",
            "States.Array($.a",
            "States.Array($.a b)",
            "States.Array(1))",
            "States.Array(True)",
            "States.Array(- 1)",
        ),
        "States.Array(" * 11 + ")" * 11,
        "States.Array(" * 5_000,
        "States.Array(" + "9" * 5_000 + ")",
    ],
)
def test_invalid_call_is_a_definition_error(text: str) -> None:
    with pytest.raises(DefinitionError):
        compile_intrinsic(text)


def test_nesting_up_to_the_limit() -> None:
    assert evaluate("States.Array(" * 10 + ")" * 10) == [[[[[[[[[[]]]]]]]]]]


def test_random_values_repeat_with_the_seed_of_the_transition() -> None:
    call = "States.Array(States.UUID(), States.UUID(), States.MathRandom(0, 1000000))"
    first = evaluate(call)

    assert evaluate(call) == first
    assert evaluate(call, seed=2) != first
    assert first[0] != first[1]
    assert {uuid.UUID(each).version for each in first[:2]} == {4}


def test_seed_of_an_expression_fixes_its_number() -> None:
    numbers = [evaluate(f"States.MathRandom(10, 20, {seed})", seed=seed) for seed in range(50)]

    assert numbers == [evaluate(f"States.MathRandom(10, 20, {seed})", seed=99) for seed in range(50)]
    assert set(numbers) == set(range(10, 20))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("States.Format('{}', $)", "States.IntrinsicFailure"),
        ("States.ArrayUnique($)", "States.IntrinsicFailure"),
        ("States.ArrayContains($, 1)", "States.IntrinsicFailure"),
        ("States.JsonToString($)", "States.Runtime"),
        ("States.ArrayLength($[0].a)", "States.Runtime"),
    ],
)
def test_value_nested_too_deep_is_a_failure(call: str, error: str) -> None:
    value: Json = 1
    for _ in range(20_000):
        value = [value]

    with pytest.raises(StatesError) as raised:
        evaluate(call, value)
    assert raised.value.error == error
