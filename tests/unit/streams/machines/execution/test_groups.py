"""Parallel and inline Map."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.machines.execution.commands import CancelTask, SubmitTask
from tests.unit.streams.machines.execution.driver import Driver, machine, passing, task


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), "End": True, **fields}


def mapping(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}


def test_result_is_in_the_order_of_the_branches() -> None:
    driver = Driver(machine(P=parallel(machine(A=task()), machine(B=task())))).start(1)
    first, second = driver.all(SubmitTask)
    driver.succeed("b", task=second.task).succeed("a", task=first.task)
    assert driver.finish.output == ["a", "b"]


def test_one_branch_gives_a_list() -> None:
    assert Driver(machine(P=parallel(machine(A=passing(Result=1))))).start().finish.output == [1]


def test_failed_branch_aborts_the_others_and_surfaces_its_error() -> None:
    driver = Driver(machine(P=parallel(machine(A=task()), machine(B=task())))).start()
    first, second = driver.all(SubmitTask)
    driver.fail("A", "why", task=first.task)
    assert (driver.finish.error, driver.finish.cause) == ("A", "why")
    assert driver.all(CancelTask) == [CancelTask(second.task)]
    assert driver.events[-4:] == [
        "LambdaFunctionFailed",
        "TaskStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]


def test_retry_of_a_group_runs_all_branches_again() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    driver = Driver(machine(P=parallel(machine(A=task()), machine(B=task()), Retry=retry))).start()
    first, second = driver.all(SubmitTask)
    driver.succeed(1, task=first.task).fail(task=second.task).fire()
    third, fourth = driver.all(SubmitTask)[2:]
    driver.succeed(3, task=third.task).succeed(4, task=fourth.task)
    assert driver.finish.output == [3, 4]
    assert driver.execution.branches.keys() == {0}, "nothing of the first attempt is left"


def test_caught_group_leaves_no_branches() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    states = machine(P=parallel(machine(A=task()), machine(B=task()), Catch=catch), C=task())
    driver = Driver(states).start().fail()
    assert driver.execution.branches.keys() == {0}
    assert driver.events[-2:] == ["TaskStateEntered", "LambdaFunctionScheduled"]


def test_items_get_index_and_value_and_the_selector_sees_the_effective_input() -> None:
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$"}
    state = mapping(machine(A=passing()), InputPath="$.in", ItemsPath="$.xs", ItemSelector=selector)
    driver = Driver(machine(M=state)).start({"in": {"xs": ["a", "b"]}})
    assert driver.finish.output == [
        {"i": 0, "v": "a", "all": {"xs": ["a", "b"]}},
        {"i": 1, "v": "b", "all": {"xs": ["a", "b"]}},
    ]


def test_inline_map_over_an_object_fails() -> None:
    driver = Driver(machine(M=mapping(machine(A=passing()), ItemsPath="$$.Execution.Input"))).start({"x": 1})
    assert driver.finish.error == "States.Runtime"
    assert 'Reference path "$.Execution.Input" must point to array.' in str(driver.finish.cause)


@pytest.mark.parametrize(("value", "started"), [(0, 40), (2, 2), (100, 40), ("3", 3)])
def test_concurrency_is_bounded(value: object, started: int) -> None:
    state = mapping(machine(A=task()), ItemsPath="$.xs", MaxConcurrencyPath="$.c")
    driver = Driver(machine(M=state)).start({"xs": [0] * 50, "c": value})
    assert len(driver.all(SubmitTask)) == started
    driver.succeed(task=driver.all(SubmitTask)[0].task)
    assert len(driver.all(SubmitTask)) == started + 1


def test_negative_concurrency_is_a_runtime_error() -> None:
    driver = Driver(machine(M=mapping(machine(A=task()), ItemsPath="$.xs", MaxConcurrencyPath="$.c")))
    assert driver.start({"xs": [1], "c": -1}).finish.error == "States.Runtime"


def test_empty_map_and_other_values() -> None:
    states = machine(M=mapping(machine(A=task()), ItemsPath="$.xs"))
    assert Driver(states).start({"xs": []}).finish.output == []
    driver = Driver(states).start({"xs": 5})
    assert driver.finish.error == "States.Runtime"
    assert str(driver.finish.cause).endswith('Reference path "$.xs" must point to array.')


def test_inner_variables_vanish_and_outer_ones_are_visible() -> None:
    inner = machine(
        A=passing(Assign={"inner.$": "$"}, Next="B"), B=passing(Parameters={"o.$": "$outer", "i.$": "$inner"})
    )
    states = machine(
        S=passing(Assign={"outer": "o"}, Next="M"),
        M=mapping(inner, Next="E") | {"End": False},
        E=passing(Parameters={"inner.$": "$inner"}),
    )
    states["States"]["M"].pop("End")
    driver = Driver(states).start([1, 2])
    assert driver.finish.error == "States.Runtime", "the variable of the iterations does not exist outside"
    states["States"]["E"] = passing(Parameters={"o.$": "$outer", "r.$": "$"})
    assert Driver(states).start([1, 2]).finish.output == {"o": "o", "r": [{"o": "o", "i": 1}, {"o": "o", "i": 2}]}


def test_map_in_parallel_keeps_items_and_variables_apart() -> None:
    inner = mapping(machine(A=passing(Parameters={"v.$": "$v", "i.$": "$$.Map.Item.Value"})))
    branches = [machine(S=passing(Assign={"v": name}, Next="M"), M=inner) for name in ("x", "y")]
    driver = Driver(machine(P=parallel(*branches))).start([1, 2])
    assert driver.finish.output == [[{"v": name, "i": item} for item in (1, 2)] for name in ("x", "y")]


def test_runtime_error_in_an_iteration_is_caught_by_nothing() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    state = mapping(machine(A=passing(InputPath="$.no")), Catch=catch)
    driver = Driver(machine(M=state, C=passing())).start([{}])
    assert driver.finish.error == "States.Runtime"
    assert "state 'A' (entered at the event id #5)" in str(driver.finish.cause)


@pytest.mark.parametrize("depth", [400])
def test_deep_machine_needs_no_recursion(depth: int) -> None:
    definition = machine(Leaf=passing(Result=7))
    for level in range(depth):
        definition = machine(**{f"P{level}": parallel(definition)})
    output = Driver(definition).start().finish.output
    for _ in range(depth):
        assert isinstance(output, list)
        (output,) = output
    assert output == 7


def test_failure_at_the_bottom_of_a_deep_machine() -> None:
    definition = machine(Leaf={"Type": "Fail", "Error": "Deep"})
    for level in range(300):
        definition = machine(**{f"P{level}": parallel(definition)})
    driver = Driver(definition).start()
    assert (driver.finish.status, driver.finish.error) == ("FAILED", "Deep")
    assert driver.events.count("ParallelStateFailed") == 300
