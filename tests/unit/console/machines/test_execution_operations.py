"""Executions, tasks, activities and Map Runs through boto3; the answers of AWS are recordings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.machine_engine import MemoryEngine
from tests.unit.console.machines.support import ACTIVITY, ROLE, Machines, passing, waiting, without_metadata

BOOM = {"error": "Boom", "cause": "it broke"}


@pytest.fixture
def machines() -> Machines:
    return Machines()


def test_description_of_a_succeeded_execution(machines: Machines) -> None:
    machine = machines.create(passing({"Arg1": "argument1"}))
    arn = machines.start(machine, name="e")
    described = machines.describe(arn)
    assert described.pop("startDate") <= described.pop("stopDate")
    assert described == {
        "executionArn": "arn:aws:states:us-east-1:123456789012:execution:m:e",
        "input": "{}",
        "inputDetails": {"included": True},
        "name": "e",
        "output": '{"Arg1":"argument1"}',
        "outputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "stateMachineArn": machine,
        "status": "SUCCEEDED",
    }


def test_history_is_that_of_aws(machines: Machines) -> None:
    arn = machines.start(machines.create(passing({"Arg1": "argument1"})))
    forward = machines.client.get_execution_history(executionArn=arn)["events"]
    assert all(isinstance(event.pop("timestamp"), datetime) for event in forward)
    details, output = {"truncated": False}, '{"Arg1":"argument1"}'
    assert forward == [
        {
            "executionStartedEventDetails": {"input": "{}", "inputDetails": details, "roleArn": ROLE},
            "id": 1,
            "previousEventId": 0,
            "type": "ExecutionStarted",
        },
        {
            "id": 2,
            "previousEventId": 0,
            "stateEnteredEventDetails": {"input": "{}", "inputDetails": details, "name": "State_1"},
            "type": "PassStateEntered",
        },
        {
            "id": 3,
            "previousEventId": 2,
            "stateExitedEventDetails": {"name": "State_1", "output": output, "outputDetails": details},
            "type": "PassStateExited",
        },
        {
            "executionSucceededEventDetails": {"output": output, "outputDetails": details},
            "id": 4,
            "previousEventId": 3,
            "type": "ExecutionSucceeded",
        },
    ]
    reverse = machines.client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=3)
    assert [event["id"] for event in reverse["events"]] == [4, 3, 2]
    rest = machines.client.get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=3, nextToken=reverse["nextToken"]
    )
    assert [event["id"] for event in rest["events"]] == [1]
    assert (
        machines.error("get_execution_history", executionArn=arn, nextToken=reverse["nextToken"])[0] == "InvalidToken"
    )
    bare = machines.client.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    assert bare[2]["stateExitedEventDetails"] == {"name": "State_1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "not some input",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or"
            " 'false')",
        ),
        (
            "{'not': 'json'}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        ),
        ("", "Invalid execution input."),
    ],
)
def test_invalid_input_has_the_message_of_aws(machines: Machines, text: str, message: str) -> None:
    machine = machines.create(passing())
    error = machines.error("start_execution", stateMachineArn=machine, input=text)
    assert error == ("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{message}'")


def test_start_is_idempotent_by_name_and_input_while_it_runs(machines: Machines) -> None:
    machine = machines.create(waiting())
    first = machines.client.start_execution(stateMachineArn=machine, name="e", input='{"a": 1}')
    again = machines.client.start_execution(stateMachineArn=machine, name="e", input='{ "a":1 }')
    assert first["executionArn"] == again["executionArn"]
    assert len(machines.engine.starts) == 1
    error = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert machines.error("start_execution", stateMachineArn=machine, name="e", input="{}") == error
    machines.client.stop_execution(executionArn=first["executionArn"])
    assert machines.error("start_execution", stateMachineArn=machine, name="e", input='{"a": 1}') == error


def test_execution_is_known_before_the_views_have_it(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = machines.create(waiting())
    monkeypatch.setattr(machines.engine, "_fold", lambda: None)
    arn = machines.start(machine, {"a": 1}, name="e")
    described = machines.describe(arn)
    assert (described["status"], described["input"]) == ("RUNNING", '{"a":1}')
    assert machines.client.get_execution_history(executionArn=arn)["events"] == []
    [listed] = machines.client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    assert listed["executionArn"] == arn
    assert machines.client.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"] == []


def test_list_is_newest_first_with_pages_and_filters(machines: Machines) -> None:
    machine = machines.create(waiting())
    found = [machines.start(machine, name=f"e{number}") for number in range(5)]
    machines.client.stop_execution(executionArn=found[2], **BOOM)
    pages = machines.client.get_paginator("list_executions").paginate(
        stateMachineArn=machine, PaginationConfig={"PageSize": 2}
    )
    listed = [[each["executionArn"] for each in page["executions"]] for page in pages]
    assert listed == [[found[4], found[3]], [found[2], found[1]], [found[0]]]
    stopped = machines.client.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert [each["executionArn"] for each in stopped] == [found[2]]
    assert machines.error("list_executions")[0] == "ValidationException"


def test_stopped_execution(machines: Machines) -> None:
    arn = machines.start(machines.create(waiting()))
    machines.client.stop_execution(executionArn=arn, **BOOM)
    described = machines.describe(arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Boom", "it broke")
    assert described["redriveStatus"] == "REDRIVABLE"
    last = machines.client.get_execution_history(executionArn=arn)["events"][-1]
    assert (last["type"], last["previousEventId"], last["executionAbortedEventDetails"]) == (
        "ExecutionAborted",
        0,
        BOOM,
    )
    again = machines.client.stop_execution(executionArn=arn)
    assert again["stopDate"] == described["stopDate"]


def test_redrive_continues_the_history(machines: Machines) -> None:
    arn = machines.start(machines.create(waiting()))
    assert machines.error("redrive_execution", executionArn=arn) == (
        "ExecutionNotRedrivable",
        "Execution is RUNNING and cannot be redriven",
    )
    machines.client.send_task_failure(taskToken=machines.engine.tokens["Ask"], **BOOM)
    first = machines.client.redrive_execution(executionArn=arn, clientToken="one")
    again = machines.client.redrive_execution(executionArn=arn, clientToken="one")
    assert first["redriveDate"] == again["redriveDate"]
    described = machines.describe(arn)
    assert (described["status"], described["redriveCount"]) == ("RUNNING", 1)
    machines.client.send_task_success(taskToken=machines.engine.tokens["Ask"], output='{"ok":true}')
    assert machines.describe(arn)["output"] == '{"ok":true}'
    types = machines.types(arn)
    assert types.count("ExecutionRedriven") == types.count("TaskFailed") == types.count("TaskSucceeded") == 1


def test_task_tokens_are_refused_as_on_aws() -> None:
    machines = Machines(MemoryEngine(holds_timers=True))
    arn = machines.start(machines.create(waiting(HeartbeatSeconds=60)))
    token = machines.engine.tokens["Ask"]
    assert machines.error("send_task_success", taskToken="x", output="{}") == (
        "InvalidToken",
        "Invalid Token: 'Invalid token'",
    )
    assert machines.error("send_task_success", taskToken=token, output="{")[0] == "InvalidOutput"
    machines.client.send_task_heartbeat(taskToken=token)
    machines.client.send_task_success(taskToken=token, output='"done"')
    assert machines.describe(arn)["output"] == '"done"'
    gone = ("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    assert machines.error("send_task_success", taskToken=token, output="{}") == gone
    assert machines.error("send_task_heartbeat", taskToken=token) == gone


def test_activity(machines: Machines) -> None:
    client = machines.client
    created = client.create_activity(name="review", tags=[{"key": "a", "value": "b"}])
    assert created["activityArn"] == ACTIVITY
    assert client.create_activity(name="review")["creationDate"] == created["creationDate"]
    assert without_metadata(client.describe_activity(activityArn=ACTIVITY)) == {
        "activityArn": ACTIVITY,
        "name": "review",
        "creationDate": created["creationDate"],
    }
    task = {"Type": "Task", "Resource": ACTIVITY, "End": True}
    arn = machines.start(machines.create({"StartAt": "Review", "States": {"Review": task}}), {"a": 1})
    taken = client.get_activity_task(activityArn=ACTIVITY, workerName="w")
    assert taken["input"] == '{"a":1}'
    assert "taskToken" not in client.get_activity_task(activityArn=ACTIVITY)
    client.send_task_success(taskToken=taken["taskToken"], output='{"ok":true}')
    assert machines.types(arn)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    assert client.list_tags_for_resource(resourceArn=ACTIVITY)["tags"] == [{"key": "a", "value": "b"}]
    assert [each["name"] for each in client.list_activities()["activities"]] == ["review"]
    for _ in range(2):
        client.delete_activity(activityArn=ACTIVITY)
    error = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{ACTIVITY}'")
    assert machines.error("get_activity_task", activityArn=ACTIVITY) == error
    assert machines.error("create_activity", name="Invalid Name$") == ("InvalidName", "Invalid Name: 'Invalid Name$'")


def test_express_machine_answers_at_once(machines: Machines) -> None:
    machine = machines.create(passing({"Arg1": 1}), type="EXPRESS")
    answer = without_metadata(machines.client.start_sync_execution(stateMachineArn=machine, input='{"a":1}'))
    assert (answer["status"], answer["output"], answer["input"]) == ("SUCCEEDED", '{"Arg1":1}', '{"a":1}')
    assert answer["billingDetails"] == {"billedDurationInMilliseconds": 100, "billedMemoryUsedInMB": 64}
    unsupported = ("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
    assert machines.error("list_executions", stateMachineArn=machine) == unsupported
    standard = machines.create(passing(), "standard")
    assert machines.error("start_sync_execution", stateMachineArn=standard) == unsupported


def test_definition_of_an_execution_is_that_of_its_start(machines: Machines) -> None:
    machine = machines.create(waiting())
    arn = machines.start(machine)
    machines.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(passing()))
    answer = machines.client.describe_state_machine_for_execution(executionArn=arn)
    assert json.loads(answer["definition"]) == waiting()
    assert "revisionId" not in answer
    assert answer["updateDate"] > datetime(2026, 1, 1, tzinfo=UTC)


def mapping(**fields: Any) -> dict[str, Any]:
    """Return a machine with a distributed Map over its input."""
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {}, "End": True}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Each",
        "States": {"Each": task},
    }
    state = {"Type": "Map", "ItemProcessor": processor, "Label": "Each", "MaxConcurrency": 2, **fields, "End": True}
    return {"StartAt": "All", "States": {"All": state}}


def test_map_run() -> None:
    machines = Machines(MemoryEngine({"Each": [{"Return": 1}, {"Return": 2}]}))
    machine = machines.create(mapping())
    arn = machines.start(machine, ["a", "b"])
    [run] = machines.client.list_map_runs(executionArn=arn)["mapRuns"]
    assert (run["executionArn"], run["stateMachineArn"]) == (arn, f"{machine}/Each")
    described = without_metadata(machines.client.describe_map_run(mapRunArn=run["mapRunArn"]))
    counts = {"aborted": 0, "failed": 0, "pending": 0, "running": 0, "succeeded": 2, "timedOut": 0, "total": 2}
    assert described["executionCounts"] == described["itemCounts"] == {**counts, "resultsWritten": 2}
    limits = ("status", "maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage", "redriveCount")
    assert [described[name] for name in limits] == ["SUCCEEDED", 2, 0, 0.0, 0]
    children = machines.client.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert len(children) == 2
    assert {child["mapRunArn"] for child in children} == {run["mapRunArn"]}
    update = machines.error("update_map_run", mapRunArn=run["mapRunArn"], maxConcurrency=5)
    assert update == ("ValidationException", "Map Run has completed and cannot be updated")
    assert machines.error("describe_map_run", mapRunArn=f"{run['mapRunArn']}0")[0] == "ResourceNotFound"


def test_limits_of_a_map_run_are_changed_while_it_runs() -> None:
    machines = Machines(MemoryEngine())
    arn = machines.start(machines.create(mapping()), ["a", "b", "c", "d", "e"])
    [run] = machines.client.list_map_runs(executionArn=arn)["mapRuns"]
    wanted = {"mapRunArn": run["mapRunArn"]}

    def limits_and_running() -> list[Any]:
        described = machines.client.describe_map_run(**wanted)
        names = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
        return [described[name] for name in names] + [described["executionCounts"]["running"]]

    assert limits_and_running() == [2, 0, 0.0, 2]
    machines.client.update_map_run(**wanted, maxConcurrency=4)
    assert limits_and_running() == [4, 0, 0.0, 4]
    machines.client.update_map_run(**wanted, toleratedFailureCount=3, toleratedFailurePercentage=12.5)
    assert limits_and_running() == [4, 3, 12.5, 4]
    missing = "You must specify at least one of maxConcurrency, toleratedFailureCount, toleratedFailurePercentage"
    assert machines.error("update_map_run", **wanted) == ("ValidationException", missing)
    machines.client.stop_execution(executionArn=arn)
    ended = ("ValidationException", "Map Run has completed and cannot be updated")
    assert machines.error("update_map_run", **wanted, maxConcurrency=5) == ended


def test_failed_map_run_is_redriven_with_its_parent() -> None:
    failing = {"Throw": {"Error": "Boom", "Cause": ""}}
    machines = Machines(MemoryEngine({"Each": [failing, {"Return": 2}, {"Return": 3}]}))
    arn = machines.start(machines.create(mapping(MaxConcurrency=1)), ["a", "b"])
    [run] = machines.client.list_map_runs(executionArn=arn)["mapRuns"]
    described = machines.client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (described["status"], described["executionCounts"]["failed"]) == ("FAILED", 1)
    failed = machines.client.list_executions(mapRunArn=run["mapRunArn"], statusFilter="FAILED")["executions"]
    child = machines.describe(failed[0]["executionArn"])
    assert child["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
