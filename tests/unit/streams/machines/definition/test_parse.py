"""Compiled definitions: defaults, both query languages, and definitions that cannot run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.machines.definition.model import ChoiceState, MapState, ParallelState, TaskState, WaitState
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.definition.values import Constant, JsonataFields, JsonataValue, PathFields, PathValue
from headrace.streams.machines.errors import DefinitionError
from tests.unit.streams.machines.execution.driver import machine, passing, task

REAL = (Path(__file__).parents[4] / "data/asl/workflows-collection-definitions.jsonl").read_text("utf-8").splitlines()


def state_of(state: dict[str, Any], language: str = "JSONPath") -> Any:
    definition = machine(S=state, N=passing()) | {"QueryLanguage": language}
    return parse_machine(definition).flows[0].states["S"]


def test_defaults() -> None:
    state = state_of(task(Retry=[{"ErrorEquals": ["A"]}], Catch=[{"ErrorEquals": ["A"], "Next": "N"}]))
    assert isinstance(state, TaskState)
    (retrier,) = state.retriers
    assert (retrier.interval, retrier.max_attempts, retrier.backoff_rate, retrier.max_delay) == (1, 3, 2.0, None)
    assert not retrier.full_jitter
    data = state.data
    assert isinstance(data, PathFields)
    assert data.input_path is not None
    assert data.result_path is not None
    assert (data.input_path.text, data.result_path.text) == ("$", "$")
    assert (state.timeout, state.next) == (None, None)


def test_null_paths() -> None:
    data = state_of(passing(InputPath=None, ResultPath=None, OutputPath=None)).data
    assert (data.input_path, data.result_path, data.output_path) == (None, None, None)


@pytest.mark.parametrize(
    ("state", "language", "expected"),
    [
        (task(TimeoutSeconds=5), "JSONPath", Constant),
        (task(TimeoutSecondsPath="$.t"), "JSONPath", PathValue),
        (task(TimeoutSeconds="{% 1 %}"), "JSONata", JsonataValue),
        (task(TimeoutSeconds=5), "JSONata", Constant),
    ],
)
def test_forms_of_a_single_value(state: dict[str, Any], language: str, expected: type) -> None:
    assert isinstance(state_of(state, language).timeout, expected)


def test_nested_flows_are_flat_and_in_the_order_of_their_states() -> None:
    inner = {"Type": "Map", "Iterator": machine(X=passing()), "End": True}
    outer = {"Type": "Parallel", "Branches": [machine(I=inner), machine(B=passing())], "End": True}
    compiled = parse_machine(machine(P=outer))
    parallel = compiled.flows[0].states["P"]
    assert isinstance(parallel, ParallelState)
    assert parallel.branches == (1, 2)
    nested = compiled.flows[1].states["I"]
    assert isinstance(nested, MapState)
    assert compiled.flows[nested.processor].start_at == "X"
    assert nested.map_run is None


def test_states_of_a_nested_flow_use_the_language_of_the_machine() -> None:
    state = {"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": machine(X=passing()), "End": True}
    compiled = parse_machine(machine(M=state))
    assert isinstance(compiled.flows[0].states["M"].data, JsonataFields)
    assert isinstance(compiled.flows[1].states["X"].data, PathFields)


def test_depth_costs_no_recursion() -> None:
    definition = machine(Leaf=passing())
    for level in range(2000):
        definition = machine(**{f"P{level}": {"Type": "Parallel", "Branches": [definition], "End": True}})
    assert len(parse_machine(definition).flows) == 2001


def test_choice_conditions_of_both_languages() -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "N"}
    assert not isinstance(state_of({"Type": "Choice", "Choices": [rule]}).rules[0].condition, str | bool)
    for condition in ("{% true %}", True):
        state = state_of({"Type": "Choice", "Choices": [{"Condition": condition, "Next": "N"}]}, "JSONata")
        assert isinstance(state, ChoiceState)
        assert state.rules[0].condition == condition


def test_wait_has_one_time() -> None:
    state = state_of({"Type": "Wait", "TimestampPath": "$.t", "End": True})
    assert isinstance(state, WaitState)
    assert (state.seconds, isinstance(state.timestamp, PathValue)) == (None, True)


REFUSED = {
    "shared-fallback-state-jsonata/statemachine/statemachine.asl.json": "/States/QueryLanguage: expected an object",
    "textract-analyze-expense-tf/statemachine/statemachine.asl.json": "/States/DetectLabels/ResultSelector",
}
"""Real machines that cannot run: QueryLanguage in the place of a state, and a filter with a word without quotes."""


@pytest.mark.parametrize("line", REAL)
def test_real_machines_compile(line: str) -> None:
    case = json.loads(line)
    if case["name"] in REFUSED:
        with pytest.raises(DefinitionError, match=REFUSED[case["name"]]):
            parse_machine(case["definition"])
    else:
        assert parse_machine(case["definition"]).flows[0].states.keys() == case["definition"]["States"].keys()


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (5, "expected an object"),
        ({}, "StartAt"),
        ({"StartAt": "A", "States": {}}, "no state 'A'"),
        ({"StartAt": "A", "States": []}, "States: expected an object"),
        ({"StartAt": 5, "States": {"A": passing()}}, "/StartAt: expected a string"),
        (machine(A=5), "/States/A"),
        (machine(A={"End": True}), "/States/A/Type"),
        (machine(A={"Type": "Nope", "End": True}), "'Nope' is not a type"),
        (machine(A={"Type": "Pass"}), 'exactly one of Next and "End"'),
        (machine(A={"Type": "Pass", "Next": "A", "End": True}), "exactly one of Next"),
        (machine(A={"Type": "Pass", "Next": "B"}), "no state 'B'"),
        (machine(A=task(Catch=[{"ErrorEquals": ["E"], "Next": "B"}])), "no state 'B'"),
        (machine(A=task(Catch=[{"Next": "A"}])), "ErrorEquals: expected an array of strings"),
        (machine(A=task(Retry={})), "Retry: expected an array"),
        (machine(A=task(Retry=[{"ErrorEquals": ["E"], "MaxAttempts": -1}])), "not negative"),
        (machine(A=task(Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": True}])), "not negative"),
        (machine(A={"Type": "Task", "End": True}), "Resource: required"),
        (machine(A=passing(InputPath="nope")), "/States/A/InputPath"),
        (machine(A=passing(ResultPath="$[*]")), "/States/A/ResultPath"),
        (machine(A=passing(InputPath=5)), "/States/A/InputPath"),
        (machine(A=passing(Parameters={"x.$": "nope"})), "/States/A/Parameters"),
        (machine(A={"Type": "Wait", "End": True}), "exactly one of Seconds"),
        (machine(A={"Type": "Wait", "Seconds": 1, "Timestamp": "x", "End": True}), "exactly one of Seconds"),
        (machine(A={"Type": "Map", "End": True}), "ItemProcessor: required"),
        (machine(A={"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "B"}]}), "no state 'B'"),
        (machine(A={"Type": "Choice", "Choices": [{"Variable": "$", "Nope": True, "Next": "A"}]}), "Choices[0]"),
        (machine(A=passing()) | {"QueryLanguage": "SQL"}, "QueryLanguage: expected JSONPath or JSONata"),
        (machine(A=passing(Output="{% 1 + %}")) | {"QueryLanguage": "JSONata"}, "/States/A/Output"),
        (machine(A=passing(Assign={"x": ["{% ( %}"]})) | {"QueryLanguage": "JSONata"}, "/States/A/Assign"),
    ],
)
def test_definition_that_cannot_run_names_the_field(definition: Any, words: str) -> None:
    with pytest.raises(DefinitionError) as error:
        parse_machine(definition)
    assert words in str(error.value)
