"""Executions on a log: transitions, timers, children, redrives, and kills at every effect."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from headrace.streams.executions.inbox import AnswerByToken, DeliverStimulus, RedriveRequest, StartByName, StopForParent
from headrace.streams.executions.tokens import decode_token, token_digest
from headrace.streams.machines.execution.stimuli import (
    RedriveExecution,
    StopExecution,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
)
from tests.unit.streams.executions.fake_log import (
    BEGIN,
    CODEC,
    MACHINE,
    FakeLog,
    FakeWorker,
    LongRunError,
    run_to_the_end,
)

LAMBDA = "arn:aws:states:::lambda:invoke"


def echo(command: Any, now: datetime, seed: int) -> list[Any]:
    return [TaskSucceeded(now, seed, command.task, getattr(command, "input", [1, 2]))]


def flow(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


TASK = {"Type": "Task", "Resource": LAMBDA, "End": True}


def test_execution_runs_to_its_end() -> None:
    log = FakeLog()
    execution = log.start(log.deploy(flow(Call=TASK)), {"x": 1})
    run_to_the_end(log, echo)
    assert log.events(execution)[-1] == "ExecutionSucceeded"
    assert log.history(execution)[-1].status == "SUCCEEDED"
    assert log.open_executions() == set()


def test_kill_at_each_effect_changes_nothing() -> None:
    definition = flow(
        Split={
            "Type": "Parallel",
            "Branches": [flow(A=TASK), flow(Wait={"Type": "Wait", "Seconds": 5, "Next": "B"}, B=TASK)],
            "Next": "Each",
        },
        Each={
            "Type": "Map",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **flow(C=TASK)},
            "End": True,
        },
    )
    log = FakeLog()
    execution = log.start(log.deploy(definition), {"x": 1})
    effects = run_to_the_end(log, echo)
    expected = log.events(execution)
    assert expected[-1] == "ExecutionSucceeded"
    for kill_after in range(effects):
        for commit_every in (1, 4):
            killed = FakeLog()
            killed.start(killed.deploy(definition), {"x": 1})
            run_to_the_end(killed, echo, kill_after, commit_every)
            assert killed.events(execution) == expected, (kill_after, commit_every)
            assert killed.open_executions() == set()


def test_wait_ends_at_its_time() -> None:
    log = FakeLog()
    execution = log.start(log.deploy(flow(Wait={"Type": "Wait", "Seconds": 3600, "End": True})), {})
    run_to_the_end(log, echo)
    waited = log.history(execution)[-1].events[-1].at - BEGIN
    assert timedelta(seconds=3600) <= waited < timedelta(seconds=3601)


def test_second_start_of_a_name_is_ignored() -> None:
    log = FakeLog()
    revision = log.deploy(flow(Call=TASK))
    execution = log.start(revision, {"x": 1})
    log.start(revision, {"x": 2})
    run_to_the_end(log, echo)
    log.start(revision, {"x": 3})
    run_to_the_end(log, echo)
    assert len(log.history(execution)) == 2


def test_start_by_name_resolves_the_current_definition() -> None:
    log = FakeLog()
    log.deploy(flow(Call=TASK))
    start = StartByName("m", "from-rule", {"x": 1}, BEGIN.timestamp(), 3)
    asyncio.run(log.receive(MACHINE, start, "rule"))
    run_to_the_end(log, echo)
    assert log.history(MACHINE.replace("stateMachine", "execution") + ":from-rule")[-1].status == "SUCCEEDED"


def test_failed_execution_is_redriven_from_the_failed_state() -> None:
    log = FakeLog()
    execution = log.start(
        log.deploy(flow(First={"Type": "Task", "Resource": LAMBDA, "Next": "Second"}, Second=TASK)), {}
    )
    calls: list[str] = []

    def failing_once(command: Any, now: datetime, seed: int) -> list[Any]:
        calls.append(command.state)
        if calls.count("Second") == 1 and command.state == "Second":
            return [TaskFailed(now, seed, command.task, "Broken", "once")]
        return echo(command, now, seed)

    run_to_the_end(log, failing_once)
    assert log.history(execution)[-1].status == "FAILED"
    redrive = RedriveRequest(RedriveExecution(log.now, 1, 1))
    asyncio.run(log.receive(execution, redrive, "redrive"))
    run_to_the_end(log, failing_once)
    assert log.history(execution)[-1].status == "SUCCEEDED"
    assert log.history(execution)[-1].redrives == 1
    assert calls.count("First") == 1


def test_token_answers_only_the_task_that_has_it() -> None:
    log = FakeLog()
    waiting = {**TASK, "Resource": f"{LAMBDA}.waitForTaskToken", "Parameters": {"token.$": "$$.Task.Token"}}
    execution = log.start(log.deploy(flow(Call=waiting)), {})
    tokens: list[str] = []

    def submit(command: Any, now: datetime, seed: int) -> list[Any]:
        tokens.append(command.token)
        return [TaskSubmitted(now, seed, command.task, {})]

    run_to_the_end(log, submit)
    task = decode_token(tokens[0])
    assert task.execution == execution
    answer = TaskSucceeded(log.now, 1, task.task, "approved")
    asyncio.run(log.receive(execution, AnswerByToken(token_digest("forged"), answer), "forged"))
    run_to_the_end(log, submit)
    assert log.history(execution)[-1].status == "RUNNING"
    asyncio.run(log.receive(execution, AnswerByToken(token_digest(tokens[0]), answer), "real"))
    run_to_the_end(log, submit)
    assert log.history(execution)[-1].status == "SUCCEEDED"


def test_stop_ends_an_execution_and_its_children() -> None:
    log = FakeLog()
    wait = flow(Wait={"Type": "Wait", "Seconds": 60, "End": True})
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **wait}
    state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True}
    execution = log.start(log.deploy(flow(Each=state)), {"items": [1, 2]})
    asyncio.run(log.receive(execution, DeliverStimulus(StopExecution(BEGIN, 1, 0, "Stopped")), "stop"))
    run_to_the_end(log, echo)
    assert log.history(execution)[-1].status == "ABORTED"
    statuses = {record.execution: record.status for record in _all(log)}
    assert sorted(statuses.values()) == ["ABORTED", "ABORTED", "ABORTED"]
    assert log.open_executions() == set()


def nested_log() -> tuple[FakeLog, str]:
    """Return a log on which an execution starts another one, which waits, and the name of the other one."""
    log = FakeLog()
    log.deploy(flow(Wait={"Type": "Wait", "Seconds": 60, "End": True}), "inner")
    start = {"StateMachineArn": "inner", "Name": "n"}
    resource = "arn:aws:states:::states:startExecution.sync:2"
    outer = flow(Start={"Type": "Task", "Resource": resource, "Parameters": start, "End": True})
    execution = log.start(log.deploy(outer), {})
    return log, execution


INNER = "arn:aws:states:eu-central-1:123456789012:execution:inner:n"


def test_stop_ends_the_executions_that_tasks_wait_for() -> None:
    log, execution = nested_log()
    asyncio.run(log.receive(execution, DeliverStimulus(StopExecution(BEGIN, 1, 0, "Stopped")), "stop"))
    run_to_the_end(log, echo)
    assert {record.execution: record.status for record in _all(log)} == {execution: "ABORTED", INNER: "ABORTED"}
    assert log.open_executions() == set()


def test_timeout_of_a_task_stops_its_execution() -> None:
    log = FakeLog()
    log.deploy(flow(Wait={"Type": "Wait", "Seconds": 60, "End": True}), "inner")
    resource = "arn:aws:states:::states:startExecution.sync"
    task = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": "inner", "Name": "n"}}
    execution = log.start(log.deploy(flow(Start={**task, "TimeoutSeconds": 5, "End": True})), {})
    run_to_the_end(log, echo)
    assert {record.execution: record.status for record in _all(log)} == {execution: "FAILED", INNER: "ABORTED"}


def test_another_parent_does_not_stop_a_nested_execution() -> None:
    log, execution = nested_log()
    with pytest.raises(LongRunError):
        asyncio.run(FakeWorker(log, echo).run(2))  # the start of the nested execution is in the inbox
    stop = StopForParent("0.1", BEGIN.timestamp(), 1, execution + "-other")
    asyncio.run(log.receive(INNER, stop, "stop"))
    run_to_the_end(log, echo)
    assert {record.execution: record.status for record in _all(log)} == {execution: "SUCCEEDED", INNER: "SUCCEEDED"}


def test_large_payloads_are_stored_elsewhere() -> None:
    log = FakeLog()
    execution = log.start(log.deploy(flow(Call={"Type": "Task", "Resource": LAMBDA, "Next": "Done"}, Done=TASK)), {})

    def large(command: Any, now: datetime, seed: int) -> list[Any]:
        return [TaskSucceeded(now, seed, command.task, "x" * 100_000)]

    run_to_the_end(log, large)
    assert log.history(execution)[-1].status == "SUCCEEDED"
    assert max(len(record.value or b"") for records in log.topics.values() for record in records) < 12_000


def _all(log: FakeLog) -> list[Any]:
    return [CODEC.decode(record.value) for record in log.topics["machines.history"]]
