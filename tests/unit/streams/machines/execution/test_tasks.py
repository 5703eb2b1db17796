"""Tasks: what is submitted, timeouts and heartbeats."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.streams.machines.execution.commands import CancelTask, SetTimer, SubmitTask
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.stimuli import TaskStarted, TaskSubmitted, TimerFired
from tests.unit.streams.machines.execution.driver import Driver, machine, passing, task

TOKEN = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"


def test_command_has_the_input_after_parameters() -> None:
    driver = Driver(machine(T=task(InputPath="$.a", Parameters={"b.$": "$.b"}))).start({"a": {"b": 2}})
    command = driver.all(SubmitTask)[0]
    assert (command.state, command.input, command.token) == ("T", {"b": 2}, None)


def test_token_is_in_the_command_and_in_the_context() -> None:
    states = machine(T=task(Resource=TOKEN, Parameters={"t.$": "$$.Task.Token"}))
    first, second = Driver(states).start(), Driver(states).start()
    command = first.all(SubmitTask)[0]
    assert command.input == {"t": command.token}
    assert command.token == second.all(SubmitTask)[0].token, "the seed decides"
    other = Driver(states)
    other.machine = first.machine
    assert command.token is not None
    assert len(command.token) < 1024


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"TimeoutSeconds": 9}, None),
        ({"TimeoutSecondsPath": "$.t"}, {"t": 9}),
        ({"TimeoutSecondsPath": "$.t"}, {"t": "9"}),
    ],
)
def test_timeout_fails_the_task_with_an_empty_cause(fields: dict[str, object], value: object) -> None:
    driver = Driver(machine(T=task(**fields))).start(value)
    assert driver.delays == [9]
    driver.fire()
    assert (driver.finish.error, driver.finish.cause) == ("States.Timeout", "")
    assert driver.events[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]
    assert driver.all(CancelTask) == [CancelTask(driver.open_task())]


@pytest.mark.parametrize(
    ("value", "words"), [(-1, "TimeoutSeconds must be between 0"), ("x", '"x" which is not a valid')]
)
def test_invalid_timeout_is_a_runtime_error(value: object, words: str) -> None:
    driver = Driver(machine(T=task(TimeoutSecondsPath="$"))).start(value)
    assert driver.finish.error == "States.Runtime"
    assert words in str(driver.finish.cause)


def test_heartbeat_moves_only_its_own_deadline() -> None:
    driver = Driver(machine(T=task(Resource=TOKEN, TimeoutSeconds=60, HeartbeatSeconds=10))).start()
    timeout, heartbeat = driver.all(SetTimer)
    driver.heartbeat(8)
    assert driver.all(SetTimer)[-1].due == heartbeat.due + timedelta(seconds=8)
    driver.fire(heartbeat)
    assert driver.execution.status == "RUNNING", "the timer of the first deadline comes too early"
    driver.heartbeat(5).fire(timeout)
    assert driver.finish.error == "States.Timeout"


@pytest.mark.parametrize("name", ["States.HeartbeatTimeout", "States.Timeout"])
def test_missing_heartbeat_is_caught_by_either_name(name: str) -> None:
    states = machine(T=task(HeartbeatSeconds=5, Catch=[{"ErrorEquals": [name], "Next": "C"}]), C=passing())
    driver = Driver(states).start().fire()
    assert driver.finish.output == {"Error": "States.Timeout", "Cause": ""}


def test_timeout_is_not_a_missing_heartbeat() -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "C"}]
    driver = Driver(machine(T=task(TimeoutSeconds=5, Catch=catch), C=passing())).start().fire()
    assert driver.finish.status == "FAILED"


def test_started_and_submitted_are_recorded_once() -> None:
    driver = Driver(machine(T=task(Resource=TOKEN))).start()
    name = driver.open_task()
    for _ in range(2):
        driver.send(TaskStarted(driver.now, 1, name)).send(TaskSubmitted(driver.now, 1, name, {}))
    driver.succeed()
    assert driver.events[2:] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_late_answer_of_a_retried_task_is_ignored() -> None:
    driver = Driver(machine(T=task(TimeoutSeconds=5, Retry=[{"ErrorEquals": ["States.Timeout"]}]))).start()
    first = driver.open_task()
    driver.fire().fire()
    assert driver.open_task() != first
    before = driver.execution
    driver.succeed(1, task=first).fail(task=first).send(TimerFired(driver.now, 1, f"{first}.timeout"))
    assert driver.execution is before
    assert driver.succeed(2).finish.output == 2


@pytest.mark.parametrize(
    ("text", "kind", "service", "api", "pattern"),
    [
        ("arn:aws:lambda:eu-west-1:1:function:f", "LambdaFunction", "", None, ""),
        ("arn:aws:states:eu-west-1:1:activity:a", "Activity", "", None, ""),
        ("arn:aws:states:::lambda:invoke", "Task", "lambda", "invoke", ""),
        ("arn:aws:states:::states:startExecution.sync:2", "Task", "states", "startExecution.sync:2", "sync"),
        ("arn:aws:states:::mediaconvert:createJob.sync", "Task", "mediaconvert", "createJob.sync", "sync"),
        (TOKEN, "Task", "sqs", "sendMessage.waitForTaskToken", "waitForTaskToken"),
        ("arn:aws:states:::aws-sdk:s3:listBuckets", "Task", "aws-sdk:s3", "listBuckets", ""),
        ("a stage", "Task", "", None, ""),
    ],
)
def test_resource(text: str, kind: str, service: str, api: str | None, pattern: str) -> None:
    resource = parse_resource(text)
    assert (resource.kind, resource.service, resource.api) == (kind, service, api or text)
    assert resource.pattern == pattern
