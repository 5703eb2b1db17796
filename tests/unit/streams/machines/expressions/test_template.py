"""Tests of payload templates."""

from __future__ import annotations

import pytest

from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.expressions.template import MAX_DEPTH, compile_template
from headrace.streams.machines.json_types import Json
from tests.unit.streams.machines.expressions.support import entropy, scope_of

SCOPE = scope_of({"a": {"b": 1}, "n": None}, {"Execution": {"Name": "run"}}, v=[2])


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ({}, {}),
        ([], []),
        ("$.a", "$.a"),
        (5, 5),
        ({"x.$": "$.a.b"}, {"x": 1}),
        ({"x.$": "$.n"}, {"x": None}),
        ({"x.$": "$$.Execution.Name", "y.$": "$v[0]", "z.$": "$"}, {"x": "run", "y": 2, "z": SCOPE.input}),
        ({"x": {"y": {"z.$": "$.a.b"}, "s": "$.a"}}, {"x": {"y": {"z": 1}, "s": "$.a"}}),
        ({"x": ["$.a", {"y.$": "$.a.b"}, [{"z.$": "$v"}]]}, {"x": ["$.a", {"y": 1}, [{"z": [2]}]]}),
        ([{"x.$": "$.a.b"}, 3], [{"x": 1}, 3]),
        ({".$": "$.a.b"}, {"": 1}),
        ({"x.$.$": "$.a.b"}, {"x.$": 1}),
    ],
)
def test_renders_the_payload(template: Json, payload: Json) -> None:
    assert compile_template(template).render(SCOPE, entropy()) == payload


def test_fields_keep_their_order() -> None:
    payload = compile_template({"c.$": "$.a", "b": 1, "a.$": "$.n"}).render(SCOPE, entropy())

    assert list(payload) == ["c", "b", "a"]


def test_rendering_changes_nothing_that_it_shares() -> None:
    source = {"x": {"y": [1]}, "z.$": "$.a"}
    template = compile_template(source)
    template.render(SCOPE, entropy())

    assert source == {"x": {"y": [1]}, "z.$": "$.a"}
    assert template.render(scope_of({"a": 2}), entropy()) == {"x": {"y": [1]}, "z": 2}


def test_missing_value_names_the_path_the_field_and_the_input() -> None:
    template = compile_template({"deep": {"missing.$": "$.nope.deep"}})

    with pytest.raises(StatesError) as error:
        template.render(scope_of({"other": 1}), entropy())
    assert error.value.error == "States.Runtime"
    assert error.value.cause == (
        "The JSONPath '$.nope.deep' specified for the field 'missing.$' could not be found in the input '{\"other\":1}'"
    )


def test_input_of_any_json_is_in_the_cause() -> None:
    template = compile_template({"x.$": "$.nope"})

    with pytest.raises(StatesError, match=r"9{40}"):
        template.render(scope_of({"big": int("9" * 40)}), entropy())


@pytest.mark.parametrize(
    "template",
    [
        {"x.$": 1},
        {"x.$": None},
        {"x.$": {"y": 1}},
        {"x.$": "text"},
        {"x.$": ""},
        {"x.$": "$."},
        {"a": [{"x.$": "text"}]},
        {"x.$": "$.a", "x": 1},
        {"x": 1, "x.$": "$.a"},
    ],
)
def test_invalid_template_is_a_definition_error(template: Json) -> None:
    with pytest.raises(DefinitionError):
        compile_template(template)


def test_depth_is_bounded() -> None:
    template: Json = {"x.$": "$.a.b"}
    for _ in range(MAX_DEPTH):
        template = {"x": template}
    assert compile_template(template).render(SCOPE, entropy())

    with pytest.raises(DefinitionError, match="levels deep"):
        compile_template({"x": template})
