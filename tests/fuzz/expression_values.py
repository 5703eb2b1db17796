"""Values for the fuzz targets of expressions of state machines, and what evaluates them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from headrace.streams.machines.expressions.conditions.condition import OPERATORS, compile_condition
from headrace.streams.machines.expressions.intrinsics.call import compile_intrinsic
from headrace.streams.machines.expressions.intrinsics.functions import FUNCTIONS
from headrace.streams.machines.expressions.jsonata.expression import compile_jsonata
from headrace.streams.machines.expressions.paths.path import ReferencePath, compile_path
from headrace.streams.machines.expressions.paths.reference import MAX_INDEX
from headrace.streams.machines.expressions.scope import Entropy, Scope
from headrace.streams.machines.expressions.template import compile_template

PATH_PARTS = (
    *(
        ".a",
        ".b",
        "..",
        "..a",
        "[0]",
        "[-1]",
        "[0,1]",
        "[1:]",
        "[*]",
        ".*",
        "['a']",
        "['a','b']",
        ".length()",
        ".sum()",
    ),
    *(
        "[?(@.a)]",
        "[?(@.a == 1)]",
        "[?(@.a =~ /(a+)+/)]",
        "[?(@ in [1,'a'])]",
        "[",
        "]",
        "'",
        "\\",
        " ",
        "(",
        "@",
        "9999999",
    ),
)
paths = st.tuples(
    st.sampled_from(["$", "$$", "$v", "", "a"]), st.lists(st.sampled_from(PATH_PARTS) | st.text(max_size=3), max_size=6)
).map(lambda drawn: drawn[0] + "".join(drawn[1]))

arguments = st.one_of(
    st.sampled_from(
        ["'a'", "'{}'", r"'\{'", "1", "-2.5", "null", "true", "false", "$.a", "$", "$v[0]", "1e400", "'MD5'"]
    ),
    paths,
    st.text("'\\{}$.,() ab1", max_size=6),
)
calls = st.recursive(
    st.sampled_from(["States.UUID()", "States.Array()"]),
    lambda inner: st.tuples(st.sampled_from([*FUNCTIONS, "Nope"]), st.lists(arguments | inner, max_size=4)).map(
        lambda drawn: f"States.{drawn[0]}({', '.join(drawn[1])})"
    ),
    max_leaves=6,
)

fields = st.dictionaries(
    st.sampled_from(["a", "a.$", "b.$", ".$", "c"]), paths | calls | st.text(max_size=4) | st.integers(), max_size=3
)
templates: SearchStrategy[Any] = st.recursive(
    fields,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)

operands = paths | st.text("a*\\", max_size=6) | st.integers() | st.booleans() | st.none() | st.floats()
comparisons = st.tuples(paths, st.sampled_from(sorted(OPERATORS)), operands).map(
    lambda drawn: {"Variable": drawn[0], drawn[1]: drawn[2]}
)
rules: SearchStrategy[Any] = st.recursive(
    comparisons | st.dictionaries(st.sampled_from(sorted(OPERATORS)), operands, max_size=2),
    lambda inner: st.one_of(
        inner.map(lambda rule: {"Not": rule}),
        st.lists(inner, max_size=3).map(lambda each: {"And": each}),
        st.lists(inner, max_size=3).map(lambda each: {"Or": each}),
    ),
    max_leaves=4,
)

JSONATA_PARTS = (
    *(
        "$states.input",
        ".a",
        ".b",
        "[0]",
        "[a=1]",
        ".*",
        "**",
        "^(a)",
        "{'k': a}",
        "@$x",
        "#$i",
        "~>",
        "$sum",
        "$map",
        "$v",
        "$$",
    ),
    *(
        "$string",
        "$uuid()",
        "$partition",
        "$range",
        "$parse",
        "$hash",
        "$random",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "..",
        "1",
        "0",
    ),
    *(
        "'a'",
        '"MD5"',
        "/a+/",
        "function($x){$x}",
        "null",
        "true",
        "+",
        "-",
        "*",
        "/",
        "%",
        "&",
        "=",
        "<",
        "and",
        "in",
        "?",
        ":",
    ),
    *(
        ":=",
        ";",
        "|",
        "$toMillis",
        "$fromMillis",
        "$formatNumber",
        "$replace",
        "$match",
        "$sort",
        "$pad",
        "'[Y]'",
        " ",
        "\\",
        "`",
    ),
)
jsonata_texts = st.lists(st.sampled_from(JSONATA_PARTS), max_size=10).map(" ".join) | st.text(max_size=20)


def _scope(value: Any) -> Scope:
    return Scope(value, {"Execution": {"Id": "e"}}, {"v": [value]})


def _entropy() -> Entropy:
    return Entropy(datetime(2026, 3, 14, tzinfo=UTC), 1)


def read_and_write(drawn: tuple[str, Any]) -> None:
    """Read a value, and write it with a reference path of small indices."""
    text, value = drawn
    path = compile_path(text)
    if isinstance(path, ReferencePath) and all(isinstance(step, str) or step < MAX_INDEX for step in path.steps):
        path.write(value, 1)
    path.read(_scope(value))


def evaluate_call(drawn: tuple[str, Any]) -> None:
    """Evaluate an intrinsic function."""
    compile_intrinsic(drawn[0]).evaluate(_scope(drawn[1]), _entropy())


def render_template(drawn: tuple[Any, Any]) -> None:
    """Render a payload template."""
    compile_template(drawn[0]).render(_scope(drawn[1]), _entropy())


def evaluate_rule(drawn: tuple[Any, Any]) -> None:
    """Evaluate a Choice rule."""
    compile_condition(drawn[0]).matches(_scope(drawn[1]))


def evaluate_jsonata(drawn: tuple[str, Any]) -> None:
    """Evaluate a JSONata expression."""
    compile_jsonata(drawn[0]).evaluate({"input": drawn[1]}, {"v": drawn[1]}, _entropy())
