"""Local runs: mocks, the virtual clock, child executions, and batches of JSON lines."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.local_run.batch import answer_line
from headrace.streams.machines.local_run.mocks import MockError, Mocks
from headrace.streams.machines.local_run.run import LocalSettings, run_locally
from tests.unit.streams.machines.execution.driver import machine, passing, task

SETTINGS = LocalSettings(datetime(2026, 1, 1, tzinfo=UTC))


def ran(definition: Any, value: Any = None, mocks: Any = None) -> tuple[str, Any]:
    execution = run_locally(parse_machine(definition), value, mocks or {}, SETTINGS).execution
    return execution.status, execution.output if execution.status == "SUCCEEDED" else execution.error


def answered(**case: Any) -> dict[str, Any]:
    return answer_line(json.dumps({"name": "n", **case}), SETTINGS)


def test_entry_n_answers_the_nth_invocation_over_retries_and_loops() -> None:
    states = machine(
        T=task(Retry=[{"ErrorEquals": ["E"]}], Next="C"),
        C={"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 3, "Next": "End"}], "Default": "T"},
        End=passing(),
    )
    throw = {"Throw": {"Error": "E", "Cause": "c"}}
    assert ran(states, mocks={"T": [throw, {"Return": 2}, throw, {"Return": 3}]}) == ("SUCCEEDED", 3)


def test_waits_and_retry_delays_take_no_time() -> None:
    states = machine(
        W={"Type": "Wait", "Seconds": 99_999_999, "Next": "T"},
        T=task(Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": 99_999, "MaxAttempts": 9}]),
    )
    begin = time.monotonic()
    assert ran(states, mocks={"T": [{"Throw": {"Error": "E", "Cause": ""}}] * 9 + [{"Return": 1}]}) == ("SUCCEEDED", 1)
    assert time.monotonic() - begin < 5


def test_timeout_of_the_machine_ends_a_longer_wait() -> None:
    states = machine(W={"Type": "Wait", "Seconds": 61, "End": True}) | {"TimeoutSeconds": 60}
    assert ran(states) == ("TIMED_OUT", None)
    assert ran(states | {"TimeoutSeconds": 62}) == ("SUCCEEDED", None)


@pytest.mark.parametrize(("delay", "expected"), [(9, ("SUCCEEDED", 1)), (11, ("FAILED", "States.Timeout"))])
def test_delayed_answer_can_time_out(delay: int, expected: tuple[str, Any]) -> None:
    states = machine(T=task(TimeoutSeconds=10))
    assert ran(states, mocks={"T": [{"Return": 1, "DelaySeconds": delay}]}) == expected


def test_parallel_waits_happen_in_the_order_of_the_virtual_clock() -> None:
    branches = [
        machine(A={"Type": "Wait", "Seconds": 5, "Next": "T"}, T=task()),
        machine(B={"Type": "Wait", "Seconds": 3, "Next": "T"}, T=task()),
    ]
    states = machine(P={"Type": "Parallel", "Branches": branches, "End": True})
    assert ran(states, mocks={"T": [{"Return": "first"}, {"Return": "second"}]}) == ("SUCCEEDED", ["second", "first"])


def test_children_of_a_distributed_map_run_to_their_end() -> None:
    processor = machine(T=task()) | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    states = machine(M={"Type": "Map", "ItemProcessor": processor, "ToleratedFailureCount": 1, "End": True})
    throw = {"Throw": {"Error": "E", "Cause": ""}}
    assert ran(states, [1, 2], {"T": [{"Return": "a"}, throw]}) == ("SUCCEEDED", ["a"])
    assert ran(states, [1, 2], {"T": [throw, throw]}) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_reader_is_answered_by_the_mocks_of_the_map_and_results_have_a_place() -> None:
    processor = machine(P=passing()) | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    state = {
        "Type": "Map",
        "ItemProcessor": processor,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "o", "Prefix": "p/"}},
        "ResultSelector": {"place.$": "$.ResultWriterDetails"},
        "End": True,
    }
    status, output = ran(machine(M=state), mocks={"M": [{"Return": [1, 2]}]})
    assert status == "SUCCEEDED"
    assert output["place"]["Bucket"] == "o"
    assert output["place"]["Key"].startswith("p/")


@pytest.mark.parametrize(
    ("content", "expected"),
    [("a,b\n1,2", ("SUCCEEDED", [{"a": "1", "b": "2"}])), ("a,a\n1,2", ("FAILED", "States.ItemReaderFailed"))],
)
def test_mocked_text_of_a_reader_is_the_content_of_its_file(content: str, expected: tuple[str, Any]) -> None:
    processor = machine(P=passing()) | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    config = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config, "Parameters": {}}
    state = {"Type": "Map", "ItemProcessor": processor, "ItemReader": reader, "End": True}
    assert ran(machine(M=state), mocks={"M": [{"Return": content}]}) == expected


def test_task_without_an_answer_names_the_state_and_the_fix() -> None:
    with pytest.raises(MockError, match=r"'T', and not invocation 2; add .*Return.* to the list of \"T\""):
        ran(machine(T=task(Next="T")), mocks={"T": [{"Return": 1}]})


@pytest.mark.parametrize(
    "mocks",
    [
        [],
        {"T": {}},
        {"T": [5]},
        {"T": [{}]},
        {"T": [{"Return": 1, "Throw": {}}]},
        {"T": [{"Throw": "E"}]},
        {"T": [{"Throw": {"Error": 5}}]},
        {"T": [{"Return": 1, "DelaySeconds": -1}]},
        {"T": [{"Return": 1, "DelaySeconds": True}]},
    ],
)
def test_malformed_mocks_are_refused(mocks: Any) -> None:
    with pytest.raises(MockError):
        Mocks(mocks)


def test_same_seed_gives_the_same_run() -> None:
    states = parse_machine(machine(P=passing(Parameters={"u.$": "States.UUID()"})))
    first, again, other = (
        run_locally(states, None, {}, LocalSettings(SETTINGS.start, seed)).execution.output for seed in (1, 1, 9)
    )
    assert first == again
    assert first != other


def test_endless_machine_ends_at_the_limit_of_the_history() -> None:
    status, error = ran(machine(A=passing(Next="B"), B={"Type": "Wait", "Seconds": 1, "Next": "A"}))
    assert (status, error) == ("FAILED", "States.Runtime")


@pytest.mark.parametrize("line", ["", "{", "5", "[]", "{}", "[" * 5000, '{"definition": 5}', '{"definition": "{"}'])
def test_malformed_line_is_invalid(line: str) -> None:
    answer = answer_line(line, SETTINGS)
    assert answer["status"] == "INVALID"
    assert answer["cause"]


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ('"input": NaN', "infinite number 'NaN'"),
        ('"input": 1e999', "infinite number '1e999'"),
        (f'"input": {"9" * 5_000}', "more than 1000 digits"),
        (f'"input": {"[" * 100_000}', "nested too deep"),
        ('"definition": {"a": 1, "a": 2}', 'has the member "a" twice'),
        ('"input": 1', 'not an object with "definition"'),
        ('"definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, "mocks": false', "mocks are an object"),
    ],
)
def test_line_that_would_change_is_invalid(members: str, cause: str) -> None:
    answer = answer_line(f'{{"name": "n", {members}}}', SETTINGS)
    assert answer["status"] == "INVALID"
    assert cause in answer["cause"]


def test_line_keeps_its_name_and_is_utf8() -> None:
    assert answer_line('{"name": "n"}', SETTINGS)["name"] == "n"
    assert answer_line(b'\xef\xbb\xbf{"name": "n"}', SETTINGS)["name"] == "n"
    assert "can't decode byte 0xff" in answer_line(b'{"name": "\xff"}', SETTINGS)["cause"]


def test_variables_that_double_reach_the_limit_of_a_payload() -> None:
    double = passing(Assign={"x.$": "States.Array($x, $x)"}, Next="Double")
    looped = machine(Start=passing(Assign={"x": "text"}, Next="Double"), Double=double)
    assert ran(looped) == ("FAILED", "States.DataLimitExceeded")


def test_answer_has_the_fields_of_its_status() -> None:
    assert answered(definition=machine(P=passing()), input={"a": 1}) == {
        "name": "n",
        "status": "SUCCEEDED",
        "output": {"a": 1},
    }
    failing = machine(F={"Type": "Fail", "Error": "E", "Cause": "why"})
    assert answered(definition=failing, input=1) == {"name": "n", "status": "FAILED", "error": "E", "cause": "why"}
    assert answered(definition=machine(F={"Type": "Fail"}), input=1) == {"name": "n", "status": "FAILED"}
    timeout = machine(W={"Type": "Wait", "Seconds": 9, "End": True}) | {"TimeoutSeconds": 1}
    assert answered(definition=timeout) == {"name": "n", "status": "TIMED_OUT"}


def test_invalid_definition_and_mocks_are_invalid_lines() -> None:
    answer = answered(definition=machine(P=passing(Next="nowhere")), input={})
    assert (answer["status"], answer["error"]) == ("INVALID", "InvalidDefinition")
    assert "nowhere" in answer["cause"]
    answer = answered(definition=machine(T=task()), input={}, mocks={"T": []})
    assert (answer["status"], answer["error"]) == ("INVALID", "InvalidMocks")


def test_definition_can_be_a_text_and_an_unmocked_task_returns_its_input() -> None:
    assert answered(definition=json.dumps(machine(T=task())), input=7)["output"] == 7
