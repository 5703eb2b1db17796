"""Executions as a whole: waits, timeouts, limits of the history, and stimuli that nothing waits for."""

from __future__ import annotations

import pytest

from headrace.streams.machines.execution import limits, run
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.commands import CancelTask, SetTimer
from headrace.streams.machines.execution.record import ExecutionLimits
from headrace.streams.machines.execution.stimuli import StartExecution, StopExecution, TimerFired
from tests.unit.streams.machines.execution.driver import BEGIN, Driver, machine, passing, task


def waiting(**fields: object) -> dict[str, object]:
    return machine(W={"Type": "Wait", "End": True, **fields})


@pytest.mark.parametrize(
    ("fields", "value", "seconds"),
    [
        ({"Seconds": 90}, None, 90),
        ({"SecondsPath": "$.s"}, {"s": 3}, 3),
        ({"SecondsPath": "$.s"}, {"s": 3.0}, 3),
        ({"SecondsPath": "$.s"}, {"s": "3"}, 3),
        ({"Timestamp": "2026-01-01T00:01:00Z"}, None, 60),
        ({"TimestampPath": "$.t"}, {"t": "2026-01-01T01:00:30.5+01:00"}, 30.5),
    ],
)
def test_wait_sets_a_timer_and_leaves_when_it_fires(fields: dict[str, object], value: object, seconds: float) -> None:
    driver = Driver(waiting(**fields)).start(value)
    assert driver.delays == [seconds]
    assert driver.fire().finish.output == value


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"Seconds": 0}, 1),
        ({"Timestamp": "2020-01-01T00:00:00Z"}, 1),
        ({"TimestampPath": "$"}, "0001-01-01T00:00:00+14:00"),
    ],
)
def test_time_that_has_passed_needs_no_timer(fields: dict[str, object], value: object) -> None:
    driver = Driver(waiting(**fields)).start(value)
    assert driver.finish.output == value
    assert not driver.all(SetTimer)


@pytest.mark.parametrize(
    ("fields", "value", "cause"),
    [
        ({"SecondsPath": "$.s"}, {}, "The SecondsPath parameter does not reference an input value: $.s"),
        ({"SecondsPath": "$.s"}, {"s": -1}, "The SecondsPath parameter references a negative value: $.s == -1"),
        ({"SecondsPath": "$.s"}, {"s": 1.5}, "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5"),
        (
            {"SecondsPath": "$.s"},
            {"s": True},
            "The SecondsPath parameter cannot be parsed as a long value: $.s == true",
        ),
        ({"SecondsPath": "$.s"}, {"s": 100_000_000}, "above 99999999: $.s == 100000000"),
        ({"TimestampPath": "$.t"}, {}, "The TimestampPath parameter does not reference an input value: $.t"),
        ({"TimestampPath": "$.t"}, {"t": 5}, "does not reference a valid ISO-8601 extended offset date-time format"),
    ],
)
def test_invalid_wait_is_a_runtime_error(fields: dict[str, object], value: object, cause: str) -> None:
    driver = Driver(waiting(**fields)).start(value)
    assert driver.finish.error == "States.Runtime"
    assert cause in str(driver.finish.cause)


def test_early_and_unknown_timers_are_ignored() -> None:
    driver = Driver(waiting(Seconds=5)).start()
    before = driver.execution
    (timer,) = driver.all(SetTimer)
    for name in (timer.timer, "0.99.wait", "9.1.wait", "nonsense", ""):
        driver.send(TimerFired(BEGIN, 1, name))
    assert driver.execution is before


def test_machine_timeout_ends_the_execution_and_its_tasks() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    driver = Driver(machine(T=task(Catch=catch), C=passing()) | {"TimeoutSeconds": 30}).start()
    driver.fire()
    assert driver.finish.status == "TIMED_OUT"
    assert driver.events[-1] == "ExecutionTimedOut"
    assert driver.all(CancelTask) == [CancelTask(driver.open_task())]


def test_stop_aborts_and_later_stimuli_change_nothing() -> None:
    driver = Driver(machine(T=task())).start().stop()
    assert (driver.finish.status, driver.finish.error, driver.finish.cause) == ("ABORTED", "Stopped", "by hand")
    before = driver.execution
    assert driver.succeed().stop().start().execution is before


def test_history_limit_is_the_id_of_the_last_event() -> None:
    driver = Driver(machine(A=passing(Next="B"), B=passing(Next="A"))).start(limits=ExecutionLimits(events=25_000))
    assert driver.execution.last_event == 25_000
    assert len(driver.events) == 25_000
    assert driver.events[-2:] == ["PassStateExited", "ExecutionFailed"]
    assert driver.finish.error == "States.Runtime"
    assert driver.finish.cause == "The execution reached the maximum number of history events (25000)."


def test_endless_loop_without_limits_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_STEPS", 100)
    driver = Driver(machine(A=passing(Next="B"), B=passing(Next="A"))).start()
    assert driver.execution.status == "RUNNING"
    assert len(driver.events) == 201
    (timer,) = driver.all(SetTimer)
    driver.fire(timer)
    assert len(driver.events) == 401
    before = driver.execution
    assert driver.fire(timer).execution is before, "the timer is redelivered"


def test_long_parallel_transition_continues_all_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_STEPS", 3)
    branch = machine(A=passing(Next="B"), B=passing(Next="C"), C=passing(Result=1))
    other = machine(X=passing(Next="Y"), Y=passing(Next="Z"), Z=passing(Result=2))
    driver = Driver(machine(P={"Type": "Parallel", "Branches": [branch, other], "End": True})).start()
    while driver.execution.status == "RUNNING":
        driver.fire()
    assert driver.finish.output == [1, 2]


def test_value_nested_too_deep_fails_the_state() -> None:
    driver = Driver(machine(A=passing(Parameters={"a.$": "$"}, Next="B"), B=passing(Next="A"))).start(1)
    assert driver.finish.error == "States.DataLimitExceeded"
    assert "more than 500 levels" in str(driver.finish.cause)


def test_value_that_doubles_ends_without_filling_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGEST_PAYLOAD", 100_000)
    doubled = {"a.$": "$", "b.$": "$"}
    driver = Driver(machine(A=passing(Parameters=doubled, Next="B"), B=passing(Next="A"))).start("x" * 100)
    assert driver.finish.error == "States.DataLimitExceeded"
    assert len(driver.events) < 50


def test_argument_is_unchanged() -> None:
    driver = Driver(machine(T=task())).start({"a": 1})
    before, text = driver.execution, repr(driver.execution)
    driver.succeed(1)
    assert repr(before) == text


def test_first_stimulus_is_start() -> None:
    driver = Driver(machine(A=passing()))
    with pytest.raises(ValueError, match="StopExecution before StartExecution"):
        driver.send(StopExecution(BEGIN, 1, 0))


def test_no_choice_matched() -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "P"}
    driver = Driver(machine(C={"Type": "Choice", "Choices": [rule]}, P=passing())).start({})
    assert driver.finish.error == "States.Runtime"
    assert str(driver.finish.cause).endswith("The state does not point to a next state.")


def test_events_name_the_event_before_them_in_their_branch() -> None:
    branches = [machine(A=passing()), machine(B=passing())]
    driver = Driver(machine(P={"Type": "Parallel", "Branches": branches, "End": True}))
    start = StartExecution(BEGIN, 1, id="e", name="e", input=None)
    events = advance(driver.machine, None, start).events
    previous = {event.details.get("name"): event.previous for event in events if event.type == "PassStateEntered"}
    assert previous == {"A": 3, "B": 3}
    assert [event.id for event in events] == list(range(1, len(events) + 1))


def test_all_variables_together_have_a_limit() -> None:
    limits = ExecutionLimits(variables_bytes=100)
    assign = {name: {"Type": "Pass", "Assign": {name: "x" * 60}, "Next": "b"} for name in ("a", "b")}
    states = {"a": assign["a"], "b": {**assign["b"], "Next": "End"}, "End": {"Type": "Succeed"}}
    driver = Driver({"StartAt": "a", "States": states}).start({}, limits)
    assert (driver.finish.status, driver.finish.error) == ("FAILED", "States.DataLimitExceeded")
    assert "stored by the state 'b'" in (driver.finish.cause or "")
    assert Driver({"StartAt": "a", "States": states}).start({}).finish.status == "SUCCEEDED"
