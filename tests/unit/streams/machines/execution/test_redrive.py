"""Redrive: only what failed or was aborted runs again."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.commands import SetTimer, SubmitTask
from headrace.streams.machines.execution.record import ExecutionLimits
from headrace.streams.machines.execution.redrive import redrive_obstacle
from tests.unit.streams.machines.execution.driver import Driver, machine, passing, task


def submitted(driver: Driver) -> list[tuple[str, Any]]:
    return [(command.state, command.input) for command in driver.all(SubmitTask)]


def test_continues_from_the_failed_state_with_fresh_retries() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    driver = Driver(machine(A=task(Next="B"), B=task(Retry=retry))).start("in").succeed("from a")
    driver.fail().fire().fail()
    assert driver.finish.status == "FAILED"
    driver.redrive()
    assert submitted(driver)[-1] == ("B", "from a")
    driver.fail()
    assert driver.execution.status == "RUNNING", "the retrier counts from zero again"
    driver.fire().succeed("b")
    assert driver.finish.output == "b"
    assert submitted(driver).count(("A", "in")) == 1


def test_records_the_redrive_and_its_number() -> None:
    driver = Driver(machine(A=task(Parameters={"n.$": "$$.Execution.RedriveCount"}))).start().fail().redrive()
    assert driver.events[-2:] == ["ExecutionRedriven", "LambdaFunctionScheduled"]
    assert submitted(driver) == [("A", {"n": 0}), ("A", {"n": 1})]


def test_same_redrive_again_changes_nothing() -> None:
    driver = Driver(machine(A=task())).start().fail().redrive(1)
    before = driver.execution
    assert driver.redrive(1).execution is before
    assert driver.fail().redrive(1).execution.status == "FAILED"
    assert driver.redrive(3).execution.status == "FAILED"
    assert driver.redrive(2).execution.status == "RUNNING"


def test_finished_branches_keep_their_results() -> None:
    branches = [machine(A=task()), machine(B=task(Next="B2"), B2=task()), machine(C=task())]
    driver = Driver(machine(P={"Type": "Parallel", "Branches": branches, "End": True})).start()
    first, second, _third = driver.all(SubmitTask)
    driver.succeed("a", task=first.task).succeed("b", task=second.task).fail()
    driver.redrive()
    assert [state for state, _ in submitted(driver)[4:]] == ["B2", "C"], "a branch continues where it stopped"
    b2, c = driver.all(SubmitTask)[4:]
    driver.succeed("b2", task=b2.task).succeed("c", task=c.task)
    assert driver.finish.output == ["a", "b2", "c"]


def test_only_unfinished_iterations_run_again() -> None:
    state = {"Type": "Map", "ItemProcessor": machine(A=task()), "MaxConcurrency": 2, "End": True}
    driver = Driver(machine(M=state)).start([0, 1, 2, 3])
    first, second = driver.all(SubmitTask)
    driver.succeed("zero", task=first.task).fail(task=second.task).redrive()
    assert [value for _, value in submitted(driver)[3:]] == [1, 2]
    for command in driver.all(SubmitTask)[3:]:
        driver.succeed(command.input, task=command.task)
    driver.succeed(3)
    assert driver.finish.output == ["zero", 1, 2, 3]


def test_failed_selector_of_a_finished_map_is_evaluated_again() -> None:
    state = {"Type": "Map", "ItemProcessor": machine(A=task()), "ResultSelector": {"x.$": "$[5]"}, "End": True}
    driver = Driver(machine(M=state)).start([0]).succeed("done")
    assert driver.finish.error == "States.Runtime"
    driver.machine = parse_machine(machine(M=state | {"ResultSelector": {"x.$": "$[0]"}}))
    assert driver.redrive().finish.output == {"x": "done"}
    assert len(driver.all(SubmitTask)) == 1


@pytest.mark.parametrize("end", ["stop", "time out"])
def test_stopped_and_timed_out_executions_are_redriven(end: str) -> None:
    definition = machine(W={"Type": "Wait", "Seconds": 100, "Next": "T"}, T=task()) | {"TimeoutSeconds": 50}
    driver = Driver(definition).start()
    timeout = next(timer for timer in driver.all(SetTimer) if timer.timer.endswith("execution"))
    driver.stop() if end == "stop" else driver.fire(timeout)
    assert driver.finish.status == ("ABORTED" if end == "stop" else "TIMED_OUT")
    driver.redrive()
    newest = next(timer for timer in reversed(driver.all(SetTimer)) if timer.timer.endswith("execution"))
    assert (newest.due - driver.now).total_seconds() == 50, "the timeout begins again"
    before = driver.execution
    assert driver.fire(timeout).execution is before, "the first timer belongs to the first run"


def test_input_of_the_failed_state_can_be_edited() -> None:
    driver = Driver(machine(A=task(Next="B"), B=task())).start(1).succeed(2).fail().redrive(inputs={"B": "edited"})
    assert submitted(driver)[-1] == ("B", "edited")


def test_edited_input_of_a_map_starts_it_again() -> None:
    state = {"Type": "Map", "ItemProcessor": machine(A=task()), "End": True}
    driver = Driver(machine(M=state)).start([1]).fail().redrive(inputs={"M": ["x", "y"]})
    assert [value for _, value in submitted(driver)] == [1, "x", "y"]


def test_newer_definition_can_move_flows() -> None:
    parallel = {"Type": "Parallel", "Branches": [machine(A=task())], "End": True}
    driver = Driver(machine(P=parallel)).start("in").fail()
    other = {"Type": "Parallel", "Branches": [machine(X=passing()), machine(Y=passing())], "Next": "P"}
    driver.machine = parse_machine({"StartAt": "O", "States": {"O": other, "P": parallel}})
    assert driver.redrive().succeed("fixed").finish.output == ["fixed"]


@pytest.mark.parametrize("changed", [[machine(A=task()), machine(B=task())], [machine(N=task())]])
def test_changed_branches(changed: list[dict[str, Any]]) -> None:
    parallel = {"Type": "Parallel", "Branches": [machine(A=task())], "End": True}
    driver = Driver(machine(P=parallel)).start("in").fail()
    driver.machine = parse_machine(machine(P=parallel | {"Branches": changed}))
    before = driver.execution
    driver.redrive()
    if len(changed) == 1:
        assert driver.execution is before
        assert "no state 'A'" in str(redrive_obstacle(driver.machine, before))
    else:
        assert [state for state, _ in submitted(driver)] == ["A", "A", "B"], "another number of branches: all again"


def test_running_succeeded_and_full_executions_are_not_redriven() -> None:
    driver = Driver(machine(A=task())).start()
    assert redrive_obstacle(driver.machine, driver.execution) == "Execution is RUNNING and cannot be redriven"
    driver.succeed()
    assert redrive_obstacle(driver.machine, driver.execution) == "Execution is SUCCEEDED and cannot be redriven"
    loop = Driver(machine(A=passing(Next="B"), B=passing(Next="A"))).start(limits=ExecutionLimits(events=50))
    assert "history events" in str(redrive_obstacle(loop.machine, loop.execution))
