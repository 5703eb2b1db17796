"""Tests of intrinsic functions."""

from __future__ import annotations

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
    "swaps": [[1, 2], [1, 2], [2, 1]],
    "pair": {"a": 1, "b": 2},
    "swapped": {"b": 2, "a": 1},
}


def evaluate(text: str, value: Json = INPUT, seed: int = 1) -> Json:
    """Return the result of a call."""
    scope = scope_of(value, {"Execution": {"Name": "run"}}, v=[7])
    return compile_intrinsic(text).evaluate(scope, entropy(seed))


def failure(text: str, value: Json = INPUT) -> str:
    """Return the cause of a call that fails with `States.Runtime`."""
    with pytest.raises(StatesError) as error:
        evaluate(text, value)
    assert error.value.error == "States.Runtime"
    return error.value.cause


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("States.Array()", []),
        ("States.Array(1, 'a', null, true, $.n, $$.Execution.Name, $v[0])", [1, "a", None, True, None, "run", 7]),
        ("States.Array( -1.5e2 ,$.list[?(@ > 3 && @ in [4,5])] )", [-150.0, [4, 5]]),
        ("States.Array($.list.length(), $['text'])", [5, "a,b;c"]),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayPartition($.list, 2.6)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayPartition($.list, 9)", [[1, 2, 3, 4, 5]]),
        ("States.ArrayContains($.list, 3)", True),
        ("States.ArrayContains($.list, '3')", True),
        ("States.ArrayContains(States.Array('true'), true)", True),
        ("States.ArrayContains(States.Array($.swapped), $.pair)", False),
        ("States.ArrayContains($.list, true)", False),
        ("States.ArrayContains($.mixed, $.object)", False),
        ("States.ArrayContains($.mixed, null)", True),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(1, 10, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayRange(1, 0, 1)", []),
        ("States.ArrayRange(0.5, 2.9, 1)", [0, 1, 2]),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", 1000),
        ("States.ArrayGetItem($.list, 0)", 1),
        ("States.ArrayGetItem($.list, 4.9)", 5),
        ("States.ArrayGetItem($.list[9:], 3)", None),
        ("States.ArrayLength($.list)", 5),
        ("States.ArrayUnique($.mixed)", [None, [1], {"a": 1, "b": 2}, 0, 1, True, "1", False]),
        ("States.ArrayUnique(States.Array(2, 1, 2, 1))", [1, 2]),
        ("States.ArrayUnique(States.Array(true, false))", [False, True]),
        ("States.ArrayUnique($.swaps)", [[2, 1], [1, 2]]),
        (
            "States.ArrayUnique(States.Array(40, 33, 16, -1, 1.5, 'ab', 99999999999))",
            [16, -1, 33, "ab", 40, 1.5, 99999999999],
        ),
        ("States.Base64Encode('Grüße')", "R3LDvMOfZQ=="),
        ("States.Base64Decode('R3LDvMOfZQ==')", "Grüße"),
        ("States.Base64Decode('/w')", "\ufffd"),
        ("States.Base64Decode('_w')", "\ufffd"),
        ("States.Base64Decode(' YWJj*ZA== YQ')", "abcd"),
        ("States.Base64Decode('YWJjZ')", "abc"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.Hash(123, 'MD5')", "202cb962ac59075b964b07152d234b70"),
        ("States.Hash('é', 'MD5')", "66ddcd97cfdeabb2f6fb8a999b4bc76f"),
        ("States.JsonMerge($.object, $.other, false)", {"a": 1, "b": 9, "d": [True]}),
        ("States.JsonMerge($.object, $.other, 'no')", {"a": 1, "b": 9, "d": [True]}),
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
        (r"States.Format('\{\}{}', 1)", "{}1"),
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
    assert [type(each) for each in evaluate("States.ArrayUnique(States.Array(1, true))")] == [int, bool]
    assert isinstance(evaluate("States.MathAdd(1.4, 1)"), int)


INVALID = (
    *("States.ArrayPartition($.text, 2)", "States.ArrayPartition($.list, 0)", "States.ArrayPartition($.list, 0.9)"),
    *("States.ArrayPartition($.list, '2')", "States.ArrayPartition($.list)", "States.ArrayContains($.object, 1)"),
    *("States.ArrayRange(1, 5, 0)", "States.ArrayRange(1, 5, 0.49)", "States.ArrayRange(0, 1000, 1)"),
    *("States.ArrayRange(1, true, 1)", "States.ArrayRange(1, 5)", "States.ArrayRange(1, 5, 1, 9)"),
    *("States.ArrayGetItem($.list, 5)", "States.ArrayGetItem($.list, -1)", "States.ArrayGetItem($.list, '1')"),
    *("States.ArrayLength(null)", "States.ArrayUnique('aa')", "States.Base64Encode($.big)", "States.Base64Encode(1)"),
    *("States.Base64Decode(1)", "States.Base64Decode()", "States.Hash($.big, 'MD5')", "States.Hash('a', 'CRC')"),
    *("States.Hash('a', 1)", "States.Hash('a', $.list)", "States.Hash(null, 'MD5')"),
    *("States.JsonMerge($.object, $.other, true)", "States.JsonMerge($.list, $.other, false)"),
    *("States.JsonMerge($.object, null, false)", "States.StringToJson(1)", "States.StringToJson('[NaN]')"),
    *("States.MathAdd('1', 2)", "States.MathAdd(null, 2)", "States.MathAdd(2147483647, 1)"),
    *("States.MathAdd(3000000000, -1000000000)", "States.MathAdd(1e309, 1)", "States.MathRandom(5, 5)"),
    *("States.MathRandom(1.4, 1.6)", "States.MathRandom(5, 1)", "States.MathRandom('a', 1)"),
    *("States.MathRandom(1, 10, null)", "States.StringSplit(1, ',')", "States.StringSplit('a', null)"),
    *("States.Format(1)", "States.Format($.n, 1)", "States.Format()"),
)


@pytest.mark.parametrize("call", INVALID)
def test_invalid_argument_is_a_runtime_error(call: str) -> None:
    name = call.partition("(")[0]
    assert failure(call) == (
        f"There was an error while evaluating the intrinsic function: {call}. Invalid arguments in {name}"
    )


def test_cause_of_a_nested_failure_has_the_whole_expression() -> None:
    call = "States.Array(States.ArrayLength('a'))"
    assert failure(f" {call} ") == (
        f"There was an error while evaluating the intrinsic function: {call}. Invalid arguments in States.ArrayLength"
    )


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("'Hello {', 1", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("'Hello {{}}', 1", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("'}'", "Invalid template in States.Format: matching '{' not found for '}'."),
        ("'{}'", "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."),
        ("'{}', 1, 2", "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."),
    ],
)
def test_cause_of_an_invalid_template(template: str, problem: str) -> None:
    call = f"States.Format({template})"
    assert failure(call) == f"There was an error while evaluating the intrinsic function: {call}. {problem}"


SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
OPEN = "Unexpected end-of-input: expected close marker for {} (start marker at " + SOURCE + "; line: 1, column: {}])"
TOKENS = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ('{"a": [1', OPEN.format("Array", 7), "line: 1, column: 9"),
        ('{"[": 1', OPEN.format("Object", 1), "line: 1, column: 8"),
        ("[1,\n x]", f"Unrecognized token 'x': {TOKENS}", "line: 2, column: 3"),
        ("1 2", "Unexpected character ('2' (code 50)): was expecting the end of the document", "line: 1, column: 3"),
    ],
)
def test_cause_of_a_text_that_is_not_json(text: str, problem: str, place: str) -> None:
    assert failure("States.StringToJson($)", text) == (
        "There was an error while evaluating the intrinsic function: States.StringToJson($). Cannot convert String to "
        f"Json in States.StringToJson, caused by: {problem}\n at {SOURCE}; {place}]"
    )


@pytest.mark.parametrize(
    "call", ["States.Format($.no, 1)", "States.Array(States.ArrayLength($.no))", "States.Array($no)"]
)
def test_missing_argument_is_a_runtime_error(call: str) -> None:
    with pytest.raises(StatesError) as error:
        evaluate(call, {"other": 1})
    assert error.value.error == "States.Runtime"


def test_cause_of_a_missing_argument_names_its_path() -> None:
    call = "States.Array(States.ArrayLength($.no))"
    assert failure(call, {"other": 1}) == (
        f"The function '{call}' had the following error: "
        "The JsonPath argument for the field '$.no' could not be found in the input '{\"other\":1}'"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_number_of_arguments_is_checked_when_the_function_is_called(name: str) -> None:
    function = FUNCTIONS[name]

    counts = [function.fewest - 1] if function.fewest else []
    counts += [] if function.most is None else [function.most + 1]
    for count in counts:
        assert f"Invalid arguments in States.{name}" in failure(f"States.{name}({', '.join(['1'] * count)})")


def test_uuid_ignores_its_arguments() -> None:
    assert uuid.UUID(str(evaluate("States.UUID($.n, 2)"))).version == 4


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
        ("States.Format('{}', $)", "States.Runtime"),
        ("States.ArrayUnique($)", "States.Runtime"),
        ("States.ArrayContains($, 1)", "States.Runtime"),
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
