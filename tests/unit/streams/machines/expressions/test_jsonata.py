"""Tests of JSONata expressions as AWS evaluates them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from typing import Any

import pytest

from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.expressions.jsonata.expression import compile_jsonata
from headrace.streams.machines.expressions.jsonata.render import render_jsonata
from headrace.streams.machines.json_types import Json
from tests.unit.streams.machines.expressions.support import entropy

INPUT: dict[str, Any] = {
    "n": None,
    "list": [1, None, 2],
    "object": {"x": None},
    "big": 9007199254740993,
    "empty": [],
    "numbers": [3, 1, 2],
    "text": "abc",
    "whole": 1.0,
    "items": [{"name": "a", "price": 5}, {"name": "b", "price": 7}],
}
STATES = {"input": INPUT, "context": {"Execution": {"Name": "run"}}}
PREFIX = "The JSONata expression '{}' specified for the field 'Output' "


def evaluate(text: str, seed: int = 1, **variables: Json) -> Json:
    """Return the result of an expression."""
    return compile_jsonata(text).evaluate(STATES, variables, entropy(seed))


def failure(text: str, **variables: Json) -> str:
    """Return the cause of a failure, without the sentence that names the expression."""
    with pytest.raises(StatesError) as error:
        evaluate(text, **variables)
    assert error.value.error == "States.QueryEvaluationError"
    prefix = PREFIX.format(text)
    assert error.value.cause.startswith(prefix)
    return error.value.cause.removeprefix(prefix)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$states.input.text", "abc"),
        ("$states.context.Execution.Name", "run"),
        ("$states.input.n", None),
        ("$states.input.list", [1, None, 2]),
        ("$states.input.list.($)", [1, None, 2]),
        ("$states.input.object", {"x": None}),
        ("$states.input.big", 9007199254740993),
        ("$states.input.whole", 1),
        ("$states.input.empty", []),
        ("$states.input.items[price > 6].name", "b"),
        ("$states.input.items.name", ["a", "b"]),
        ("$states.input.items[0].name", "a"),
        ("$states.input.items.{name: price}", [{"a": 5}, {"b": 7}]),
        ("$states.input.numbers^($)", [1, 2, 3]),
        ("$v.a + $w", 3),
        ("$none", None),
        ("$exists($none)", True),
        ("[12, $states.input.numbers]", [12, 3, 1, 2]),
        ("[12, [2,4]]", [12, [2, 4]]),
        ("{'a': null}", {"a": None}),
        ("{'a': $nothing}", {}),
        ("[$nothing]", []),
        ("$string($states.input.object)", '{"x":null}'),
        ("$type(null)", "null"),
        ("1e308 * 10", "Infinity"),
        ("1/0", "Infinity"),
        ("-1/0", "-Infinity"),
        ("0/0", "NaN"),
        ("$parseInteger('x', '1')", "NaN"),
        ("$contains('hello$world', /^hello\\$/)", True),
        ("$match('abc', /b(c)/)", {"match": "bc", "index": 1, "groups": ["c"]}),
        ("$replace('abc', /(b)/, '[$1$0$$$2]')", "a[bb$]c"),
        ("$replace('a-b', '-', '\\\\n')", "a\\nb"),
        ("$replace('a1b2', /[0-9]/, '.', 1)", "a.b2"),
        ("$replace('abc', /b/, function($m) {$uppercase($m.match)})", "aBc"),
        ("$replace('abc', /(b)/, function($m) {$m.groups[0] & $m.index})", "ab1c"),
        ("$string(1e20)", "100000000000000000000"),
        ("$string(1e21)", "1e+21"),
        ("$string(5890840712243076)", "5890840712243076"),
        ("$string(0.1 + 0.2)", "0.3"),
        ("$string(1e-7)", "1e-7"),
        ("$string(0.000001)", "0.000001"),
        ("$string({'a': [1.0, null, $sum]})", '{"a":[1,null,""]}'),
        ("$string({'a': [1]}, true)", '{\n  "a": [\n    1\n  ]\n}'),
        ("$sort([{'a': 2, 'b': 1}, {'a': 1, 'b': 2}, {'a': 2, 'b': 3}], function($l, $r) {$l.a > $r.a}).b", [2, 1, 3]),
        ("$length('\\uD834\\uDD1E')", 1),
        ("$split('a1b2c', /[0-9]/)", ["a", "b", "c"]),
        ("$split('a1b2c', /[0-9]/, 2)", ["a", "b"]),
        ("[1..873782] ~> $count()", 873_782),
        ("+".join(["1"] * 100), 100),
    ],
)
def test_result(text: str, result: Json) -> None:
    assert evaluate(text, v={"a": 1}, w=2, none=None) == result


def test_whole_numbers_are_integers() -> None:
    assert isinstance(evaluate("$states.input.whole"), int)
    assert isinstance(evaluate("4 / 2"), int)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([1,2], 2.9)", [[1, 2]]),
        ("$partition([1,2])", [[1, 2]]),
        ("$range(0, 6, 2)", [0, 2, 4, 6]),
        ("$range(1, 9, 9)", 1),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(0.9, 2.9, 1)", [0, 1, 2]),
        ("$range(-1.7, 1, 1)", [-1, 0, 1]),
        ("$hash('input', 'SHA-1')", "140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"),
        ("$hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"),
        ("$random(42)", 0.7275636800328681),
        ("$parse('{\"a\": [1, null]}').a[0]", 1),
        ("$parse('[1, null]')", [1, None]),
        ("$map(['1', '[2]'], $parse)", [1, [2]]),
        ("$distinct([1, 1.0, true, 'a', 'a'])", [1, True, "a"]),
        ("$distinct(['b', 'a', 'b'])", ["b", "a"]),
        ("$now()", "2026-03-14T15:09:26.000Z"),
        ("$now('[Y0001]')", "2026"),
        ("$millis()", 1_773_500_966_000),
    ],
)
def test_functions_of_aws(text: str, result: Json) -> None:
    assert evaluate(text) == result


@pytest.mark.parametrize(
    "text",
    [
        *(
            "$nothing",
            "$states.input.missing.deep",
            "$states.result",
            "$",
            "$$",
            "phone",
            "$states.input.items[price > 9]",
        ),
        *(
            "$partition([], 2)",
            "$partition([1], 0)",
            "$partition($nothing, 1)",
            "$range(1, 5)",
            "$range(1, 5, 0)",
            "$range(1, 5, -1)",
        ),
        *("$hash('a')", "$parse($nothing)"),
    ],
)
def test_undefined_fails(text: str) -> None:
    assert failure(text) == "returned nothing (undefined)."


ERROR = "threw an error during evaluation"
SIGNATURE = "does not match function signature"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("$eval('1+1')", f"{ERROR}. T1006: Attempted to invoke a non-function"),
        ("$w(1)", f"{ERROR}. T1006: Attempted to invoke a non-function"),
        ("$sum('a')", f'{ERROR}. T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("$abs('a')", f'{ERROR}. T0410: Argument 1 of function "abs" {SIGNATURE}'),
        ("'a' + 1", f'{ERROR}. T2001: The left side of the "+" operator must evaluate to a number'),
        ("$number('x')", f'{ERROR}. D3030: Unable to cast value to a number: "x"'),
        ("$decodeUrl('%E0')", f'{ERROR}. D3140: Malformed URL passed to $decodeUrl(): "%E0"'),
        ("$match('a', /x*/)", f"{ERROR}. D1004: Regular expression matches zero length string"),
        ("$error('because')", f"{ERROR}. D3137: because"),
        ("true and $number('x')", f'{ERROR}. D3030: Unable to cast value to a number: "x"'),
        (
            "$sort([1, 'a'])",
            f"{ERROR}. D3070: The single argument form of the sort function can only be applied to an array of "
            "strings or an array of numbers.  Use the second argument to specify a comparison function",
        ),
        ("$string(1/0)", f"{ERROR}. D1001: Number out of range: null"),
        ("$uuid(1)", f'{ERROR}. T0410: Argument 1 of function "uuid" {SIGNATURE}'),
        ("$random('a')", f'{ERROR}. T0410: Argument 1 of function "random" {SIGNATURE}'),
        ("$random(1, 2)", f'{ERROR}. T0410: Argument 2 of function "random" {SIGNATURE}'),
        ("$range('a', 2, 1)", f'{ERROR}. T0410: Argument 1 of function "range" {SIGNATURE}'),
        ("$range(1, true, 1)", f'{ERROR}. T0410: Argument 2 of function "range" {SIGNATURE}'),
        ("$partition([1], 'a')", f'{ERROR}. T0410: Argument 2 of function "partition" {SIGNATURE}'),
        ("$partition([1], -1)", f"{ERROR}. D3137: Second argument must be zero or greater"),
        ("$hash(1, 'MD5')", f'{ERROR}. T0410: Argument 1 of function "hash" {SIGNATURE}'),
        ("$parse('')", f"{ERROR}. D3137: Invalid JSON"),
        ("$parse('[1] 2')", f"{ERROR}. D3137: Invalid JSON"),
        ('$parse(\'{"a":1,"a":2}\')', f"{ERROR}. D3137: Invalid JSON"),
        ("$parse('NaN')", f"{ERROR}. D3137: Invalid JSON"),
        ("$parse('1e999')", f"{ERROR}. D3137: Invalid JSON"),
        ("$parse(1)", f'{ERROR}. T0410: Argument 1 of function "parse" {SIGNATURE}'),
        ("$sum", "returned an unsupported result type."),
        ("$fn := function($x){$x}", "returned an unsupported result type."),
        ("[function($x){$x}]", "returned an unsupported result type."),
        ("/a/", "returned an unsupported result type."),
    ],
)
def test_cause(text: str, cause: str) -> None:
    assert failure(text, w=2) == cause


MEMORY = f"{ERROR}: Expression evaluation memory limit exceeded: Check for excessive memory usage"
STACK = (
    f"{ERROR}: Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
)
TIMEOUT = f"{ERROR}: Expression evaluation timeout: Check for infinite loop"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[1..900000] ~> $count()", MEMORY),
        ("[1..873783] ~> $count()", MEMORY),
        ("$sum([1..900000])", MEMORY),
        ("[1..10000000]", MEMORY),
        ("($p := function($s, $n) {$n = 0 ? $s : $p($s & $s, $n - 1)}; $length($p('x', 23)))", MEMORY),
        ("$pad('x', 1e9)", MEMORY),
        ("$range(0, 1e12, 1)", MEMORY),
        ("$replace($pad('x', 1000000, 'x'), 'x', $pad('y', 1000000))", MEMORY),
        ("$replace($pad('x', 1000000, 'x'), /x/, $pad('y', 1000000))", MEMORY),
        ("$join($split($pad('x', 200000), ''), $pad('y', 1000000))", MEMORY),
        ("($s := $pad('x', 6000000); $string([$s, $s, $s]))", MEMORY),
        ("($f := function($x) {1 + $f($x + 1)}; $f(1))", STACK),
        ("+".join(["1"] * 101), STACK),
        ("($f := function($x) {$f($x + 1)}; $f(1))", TIMEOUT),
        ("[1..800000].($ + 1)", TIMEOUT),
        ("$map([1..800000], $string)", TIMEOUT),
        ("false or ($f := function($x) {$f($x + 1)}; $f(1))", TIMEOUT),
        ("true and (true and [1..900000])", MEMORY),
        ("$sort([1..100000], function($a, $b) {$a < $b})", TIMEOUT),
    ],
)
def test_hostile_expression_ends_with_its_error(text: str, cause: str) -> None:
    compile_jsonata("1").evaluate(STATES, {}, entropy())  # loads the library
    started = time.process_time()

    assert failure(text) == cause
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$contains('" + "a" * 5_000 + "!', /^(a+)+$/)", False),
        ("$count($match('" + "a" * 5_000 + "', /(a+)+$/))", 1),
        ("$exists($toMillis('" + "1" * 40 + "x', '[Y]-[M]-[D]'))", False),
        ("$distinct([1..100000]) ~> $count()", 100_000),
    ],
)
def test_hostile_input_takes_little_time(text: str, result: Json) -> None:
    started = time.process_time()

    assert evaluate(text) == result
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", "Unexpected end of expression"),
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ("$x :=", "Unexpected end of expression"),
        ('$match("a", /abc', "No terminating / in regular expression"),
        ("$match('a', /(?=a)/)", "The regular expression '(?=a)' is invalid: invalid perl operator: (?="),
        ("$match('a', /a{5000}/)", "The regular expression 'a{5000}' is invalid: invalid repetition size: {5000}"),
        ("(" * 5_000 + "1" + ")" * 5_000, "The expression is nested too deep"),
        ("function($a, $b)<n+n+n+n+n:n>{1}(1)", "A function signature repeats more than 3 parameters"),
        ("'" + "x" * 60_000 + "'", "The expression has more than 50000 characters"),
    ],
)
def test_invalid_expression_is_a_definition_error(text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as error:
        compile_jsonata(text)
    assert str(error.value) == message


def test_random_values_repeat_with_the_seed_of_the_transition() -> None:
    text = "[$uuid(), $uuid(), $random(), $shuffle([1..20])]"
    first = evaluate(text)

    assert evaluate(text) == first
    assert evaluate(text, seed=2) != first
    assert first[0] != first[1]
    assert uuid.UUID(first[0]).version == 4
    assert sorted(first[3:]) == list(range(1, 21))


def test_evaluation_does_not_change_its_input() -> None:
    states = {"input": {"a": [{"b": 1}], "n": None}}

    result = compile_jsonata("$states.input ~> |a|{'b': 2}|").evaluate(states, {}, entropy())
    assert result == {"a": [{"b": 2}], "n": None}
    assert states == {"input": {"a": [{"b": 1}], "n": None}}


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("{% $states.input.text %}", "abc"),
        ("{%$states.input.text%}", "abc"),
        ("a {% 1 %}", "a {% 1 %}"),
        ("{% 1 %} b", "{% 1 %} b"),
        (" {% 1 %}", " {% 1 %}"),
        ("{%}", "{%}"),
        (5, 5),
        (None, None),
        (
            {"a": ["{% 1 %}", {"b": "{% [2] %}", "c": "$.x"}], "d.$": "$.x"},
            {"a": [1, {"b": [2], "c": "$.x"}], "d.$": "$.x"},
        ),
    ],
)
def test_renders_texts_that_are_wholly_expressions(value: Json, rendered: Json) -> None:
    assert render_jsonata(value, STATES, {}, entropy()) == rendered


@pytest.mark.parametrize(
    ("value", "location", "field"),
    [
        ("{% $x %}", "Choices[1]/Condition", "Choices[1]/Condition"),
        ({"a": {"b": [["x", "{% $x %}"]]}}, "Output", "Output/a/b[0][1]"),
        ({"X": "{% $x %}"}, "Arguments", "Arguments/X"),
        ({"e": "{% $x %}"}, "Catch[1]/Output", "Catch[1]/Output/e"),
    ],
)
def test_cause_names_the_field(value: Json, location: str, field: str) -> None:
    with pytest.raises(StatesError) as error:
        render_jsonata(value, STATES, {}, entropy(), location)
    assert error.value.cause == (
        f"The JSONata expression '$x' specified for the field '{field}' returned nothing (undefined)."
    )


@pytest.mark.parametrize(
    ("text", "actual", "value"),
    [
        ("1", "number", "1"),
        ("'string'", "string", '"string"'),
        ("true", "boolean", "true"),
        ("{'foo': 'bar'}", "object", '{"foo":"bar"}'),
        ("null", "null", "null"),
    ],
)
def test_result_of_another_type_fails(text: str, actual: str, value: str) -> None:
    with pytest.raises(StatesError) as error:
        render_jsonata(f"{{% {text} %}}", STATES, {}, entropy(), "Items", expected=("array",))
    assert error.value.cause == (
        f"The JSONata expression '{text}' specified for the field 'Items' returned an unexpected result type. "
        f"Expected 'array', but was '{actual}' for value: {value}"
    )


def test_result_of_the_expected_type_is_returned() -> None:
    assert render_jsonata("{% [1] %}", STATES, {}, entropy(), "Items", expected=("array",)) == [1]


def test_deep_values_fail_with_a_declared_error() -> None:
    value: Json = None
    for _ in range(3_000):
        value = [value]

    with pytest.raises(StatesError):
        compile_jsonata("$states.input").evaluate({"input": value}, {}, entropy())
    with pytest.raises(DefinitionError):
        render_jsonata(value, STATES, {}, entropy())


def test_threads_share_a_compiled_expression() -> None:
    expression, results = compile_jsonata("$sum($v.($ * 2)) & $states.input.text"), []

    def run(number: int) -> None:
        for _ in range(20):
            values = list(range(number + 1))
            results.append((number, expression.evaluate(STATES, {"v": values}, entropy())))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    assert all(result == f"{number * (number + 1)}abc" for number, result in results)


def test_library_changes_neither_the_recursion_limit_nor_standard_output() -> None:
    code = (
        "import sys; before = sys.getrecursionlimit();"
        "from tests.unit.streams.machines.expressions.test_jsonata import failure;"
        "failure('$w(1)', w=2); assert sys.getrecursionlimit() == before"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
