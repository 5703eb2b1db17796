"""Retry, Catch and the errors that they match."""

from __future__ import annotations

import pytest

from headrace.streams.machines.definition.model import Retrier
from headrace.streams.machines.execution.commands import SetTimer, SubmitTask
from headrace.streams.machines.execution.failures import delay_of
from headrace.streams.machines.execution.record import ExecutionLimits
from tests.unit.streams.machines.execution.driver import Driver, machine, passing, task


def test_first_matching_retrier_decides_and_keeps_its_own_count() -> None:
    retry = [
        {"ErrorEquals": ["A"], "MaxAttempts": 1, "IntervalSeconds": 1},
        {"ErrorEquals": ["B", "A"], "MaxAttempts": 5, "IntervalSeconds": 7},
    ]
    driver = Driver(machine(T=task(Retry=retry))).start()
    driver.fail("A").fire()
    assert driver.all(SetTimer)[-1].due == driver.now
    driver.fail("B")
    assert driver.delays[-1] == 7
    driver.fire().fail("B")
    assert driver.delays[-1] == 14
    driver.fire().fail("A")
    assert (driver.finish.status, driver.finish.error) == ("FAILED", "A"), "the exhausted retrier decides"
    assert len(driver.all(SubmitTask)) == 4


def test_retrier_without_attempts_stops_the_search() -> None:
    retry = [{"ErrorEquals": ["A"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]
    driver = Driver(machine(T=task(Retry=retry))).start().fail("A")
    assert driver.finish.error == "A"


def test_retry_runs_the_state_again_without_entering_it() -> None:
    driver = Driver(machine(T=task(Retry=[{"ErrorEquals": ["States.ALL"]}]))).start({"a": 1}).fail().fire().succeed(5)
    lambda_run = ["LambdaFunctionScheduled", "LambdaFunctionStarted"]
    assert driver.events == [
        "ExecutionStarted",
        "TaskStateEntered",
        *lambda_run,
        "LambdaFunctionFailed",
        *lambda_run,
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert driver.finish.output == 5


@pytest.mark.parametrize(
    ("retries", "max_delay", "expected"), [(0, None, 2), (3, None, 16), (3, 5, 5), (5000, None, 31_622_400)]
)
def test_delay_grows_until_its_bound(retries: int, max_delay: float | None, expected: float) -> None:
    retrier = Retrier(("A",), 2, 9, 2.0, max_delay, full_jitter=False)
    assert delay_of(retrier, retries) == expected


def test_full_jitter_is_between_zero_and_the_delay_and_repeatable() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "JitterStrategy": "FULL"}]
    first, second = (Driver(machine(T=task(Retry=retry))).start().fail() for _ in range(2))
    assert 0 <= first.delays[-1] < 100
    assert first.delays == second.delays


@pytest.mark.parametrize(
    ("error", "names", "is_caught"),
    [
        ("Custom", ["States.TaskFailed"], True),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.Timeout", ["States.ALL"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.Runtime"], False),
        ("States.DataLimitExceeded", ["States.ALL"], True),
        ("Custom.Part", ["Custom"], False),
        ("custom", ["Custom"], False),
    ],
)
def test_what_a_catcher_matches(error: str, names: list[str], is_caught: bool) -> None:
    states = machine(T=task(Catch=[{"ErrorEquals": names, "Next": "C"}]), C=passing())
    driver = Driver(states).start({"a": 1}).fail(error, "why")
    assert driver.finish.status == ("SUCCEEDED" if is_caught else "FAILED")
    assert driver.finish.output == ({"Error": error, "Cause": "why"} if is_caught else None)


def test_catcher_writes_into_the_raw_input_and_assigns_from_the_error() -> None:
    catch = [{"ErrorEquals": ["A"], "Next": "C", "ResultPath": "$.e", "Assign": {"why.$": "$.Cause"}}]
    states = machine(
        T=task(InputPath="$.x", OutputPath="$.never", ResultSelector={"no.$": "$.never"}, Catch=catch),
        C=passing(Parameters={"why.$": "$why", "input.$": "$"}),
    )
    driver = Driver(states).start({"x": {}}).fail("A", "c")
    assert driver.finish.output == {"why": "c", "input": {"x": {}, "e": {"Error": "A", "Cause": "c"}}}


def test_error_inside_a_catcher_fails_the_state() -> None:
    catch = [{"ErrorEquals": ["A"], "Next": "C", "ResultPath": "$.list.name"}]
    driver = Driver(machine(T=task(Catch=catch), C=passing())).start({"list": [1]}).fail("A")
    assert (driver.finish.status, driver.finish.error) == ("FAILED", "States.Runtime")


def test_result_above_the_limit_is_caught_and_counts_bytes() -> None:
    limits = ExecutionLimits(payload_bytes=300)
    states = machine(T=task(Catch=[{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "C"}]), C=passing(Result=1))
    assert Driver(states).start(0, limits).succeed("a" * 298).finish.output == "a" * 298
    driver = Driver(states).start(0, limits).succeed("\N{SNOWMAN}" * 100)
    assert driver.finish.output == 1
    assert "LambdaFunctionFailed" in driver.events


def test_output_above_the_limit_is_not_caught() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    states = machine(T=task(ResultPath="$.r", Catch=catch), C=passing())
    driver = Driver(states).start({"a": "x" * 60}, ExecutionLimits(payload_bytes=100)).succeed("y" * 60)
    assert (driver.finish.status, driver.finish.error) == ("FAILED", "States.DataLimitExceeded")


def test_nothing_is_limited_without_limits() -> None:
    assert Driver(machine(T=task())).start().succeed("x" * 1_000_000).finish.status == "SUCCEEDED"
