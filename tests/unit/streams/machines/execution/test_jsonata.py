"""JSONata states in the core: what expressions see, and how their errors end."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.machines.execution.commands import SubmitTask
from tests.unit.streams.machines.execution.driver import Driver, machine, passing, task


def jsonata(**states: Any) -> dict[str, Any]:
    return machine(**states) | {"QueryLanguage": "JSONata"}


def test_task_arguments_output_and_assignments() -> None:
    states = jsonata(
        T=task(
            Arguments={"a": "{% $states.input.x + 1 %}"},
            Output={"r": "{% $states.result %}", "in": "{% $states.input.x %}"},
            Assign={"v": "{% $states.result * 2 %}"},
            Next="P",
        ),
        P=passing(Output="{% [$states.input.r, $v] %}"),
    )
    driver = Driver(states).start({"x": 1})
    assert driver.all(SubmitTask)[0].input == {"a": 2}
    assert driver.succeed(21).finish.output == [21, 42]


def test_expressions_of_a_state_see_the_variables_at_its_entry() -> None:
    states = jsonata(
        A=passing(Assign={"v": 1}, Next="B"),
        B=passing(Assign={"v": "{% $v + 1 %}"}, Output="{% $v %}", Next="C"),
        C=passing(Output="{% [$states.input, $v] %}"),
    )
    assert Driver(states).start().finish.output == [1, 2]


def test_default_outputs() -> None:
    assert Driver(jsonata(T=task())).start(1).succeed(2).finish.output == 2
    assert Driver(jsonata(P=passing())).start(1).finish.output == 1
    assert Driver(jsonata(S={"Type": "Succeed"})).start(1).finish.output == 1


def test_catcher_sees_the_error_and_replaces_output_and_variables() -> None:
    catch = {
        "ErrorEquals": ["E"],
        "Next": "P",
        "Output": {"e": "{% $states.errorOutput.Error %}", "in": "{% $states.input %}"},
        "Assign": {"why": "{% $states.errorOutput.Cause %}"},
    }
    states = jsonata(T=task(Catch=[catch]), P=passing(Output="{% $merge([$states.input, {'why': $why}]) %}"))
    assert Driver(states).start(7).fail("E", "c").finish.output == {"e": "E", "in": 7, "why": "c"}


@pytest.mark.parametrize("names", [["States.QueryEvaluationError"], ["States.ALL"], ["States.TaskFailed"]])
def test_failed_expression_is_caught(names: list[str]) -> None:
    states = jsonata(
        T=task(Arguments="{% $states.input.missing %}", Catch=[{"ErrorEquals": names, "Next": "P"}]), P=passing()
    )
    driver = Driver(states).start({})
    assert driver.finish.output["Error"] == "States.QueryEvaluationError"
    assert "specified for the field 'Arguments' returned nothing (undefined)" in driver.finish.output["Cause"]
    assert driver.events[1:4] == ["TaskStateEntered", "EvaluationFailed", "TaskStateExited"]


def test_failed_expression_is_retried() -> None:
    retry = [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}]
    states = jsonata(T=task(Output="{% $states.result.x %}", Retry=retry))
    driver = Driver(states).start().succeed({}).fire().succeed({"x": 1})
    assert driver.finish.output == 1


def test_failed_expression_of_a_catcher_names_its_place_and_is_not_caught() -> None:
    catch = [
        {"ErrorEquals": ["Other"], "Next": "P"},
        {"ErrorEquals": ["States.ALL"], "Next": "P", "Output": {"a": "{% $nope %}"}},
    ]
    driver = Driver(jsonata(T=task(Catch=catch), P=passing())).start().fail("E")
    assert driver.finish.error == "States.QueryEvaluationError"
    assert "'Catch[1]/Output/a'" in str(driver.finish.cause)


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "P"}]}, "Choices[0]/Condition"),
        ({"Type": "Wait", "Seconds": "{% 'x' %}", "Next": "P"}, "Seconds"),
        ({"Type": "Fail", "Error": "{% 5 %}"}, "Error"),
        ({"Type": "Map", "Items": "{% 5 %}", "ItemProcessor": jsonata(X=passing()), "Next": "P"}, "Items"),
    ],
)
def test_result_of_another_type_names_the_field(state: dict[str, Any], field: str) -> None:
    driver = Driver(jsonata(S=state, P=passing())).start({})
    assert driver.finish.error == "States.QueryEvaluationError"
    assert f"specified for the field '{field}' returned an unexpected result type" in str(driver.finish.cause)


def test_condition_has_no_truthiness_and_the_rule_decides_over_the_state() -> None:
    rules = [
        {"Condition": "{% $states.input > 5 %}", "Next": "P", "Output": "rule", "Assign": {"v": "rule"}},
    ]
    states = jsonata(
        C={"Type": "Choice", "Choices": rules, "Default": "P", "Output": "state", "Assign": {"v": "state"}},
        P=passing(Output="{% [$states.input, $v] %}"),
    )
    assert Driver(states).start(6).finish.output == ["rule", "rule"]
    assert Driver(states).start(5).finish.output == ["state", "state"]


def test_items_can_be_an_array_of_expressions() -> None:
    state = {
        "Type": "Map",
        "Items": ["{% $states.input %}", 2],
        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}", "i": "{% $states.context.Map.Item.Index %}"},
        "ItemProcessor": machine(X=passing()),
        "End": True,
    }
    assert Driver(jsonata(M=state)).start(1).finish.output == [{"v": 1, "i": 0}, {"v": 2, "i": 1}]


def test_context_object() -> None:
    driver = Driver(jsonata(P=passing(Output="{% $states.context %}"))).start({"a": 1})
    begin = "2026-01-01T00:00:00.000Z"
    machine_id = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    assert driver.finish.output == {
        "Execution": {
            "Id": "e",
            "Input": {"a": 1},
            "Name": "e",
            "RoleArn": "",
            "StartTime": begin,
            "RedriveCount": 0,
        },
        "State": {"EnteredTime": begin, "Name": "P", "RetryCount": 0},
        "StateMachine": {"Id": machine_id, "Name": ""},
    }
