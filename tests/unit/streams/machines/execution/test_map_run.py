"""Distributed Map: child executions, tolerated failures, readers, batches and writers."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.machines.execution.commands import CancelTask, ReadItems, StartChild, StopChild, WriteResults
from headrace.streams.machines.execution.record import DatasetWork, MapRunWork
from tests.unit.streams.machines.execution.driver import Driver, machine, passing

READER = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key.$": "$.key"}}
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "p"}}


def distributed(**fields: Any) -> dict[str, Any]:
    processor = machine(A=passing()) | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}
    return machine(M={"Type": "Map", "Label": "L", "ItemProcessor": processor, "End": True, **fields})


def children(driver: Driver) -> list[str]:
    return [command.child for command in driver.all(StartChild)]


def test_children_are_started_with_their_inputs_and_joined_in_order() -> None:
    driver = Driver(distributed(ItemSelector={"v.$": "$$.Map.Item.Value"})).start([1, 2])
    assert [command.input for command in driver.all(StartChild)] == [{"v": 1}, {"v": 2}]
    assert {(command.flow, command.execution_type) for command in driver.all(StartChild)} == {(1, "EXPRESS")}
    arn = driver.all(StartChild)[0].map_run_arn
    assert arn.startswith("arn:aws:states:us-east-1:123456789012:mapRun:m/L:")
    first, second = children(driver)
    driver.child(second, "b").child(first, "a")
    assert driver.finish.output == ["a", "b"]
    assert driver.events[2:] == [
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]


def test_members_of_an_object_are_items_with_a_key() -> None:
    selector = {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value"}
    driver = Driver(distributed(ItemSelector=selector)).start({"x": 1, "y": [2]})
    assert [command.input for command in driver.all(StartChild)] == [{"k": "x", "v": 1}, {"k": "y", "v": [2]}]
    assert Driver(distributed()).start({"x": 1}).all(StartChild)[0].input == {"Key": "x", "Value": 1}


def test_concurrency_bounds_the_children_that_run() -> None:
    driver = Driver(distributed(MaxConcurrency=2)).start([0] * 5)
    assert len(children(driver)) == 2
    driver.child(children(driver)[1])
    assert len(children(driver)) == 3


def test_no_failure_is_tolerated_by_default() -> None:
    driver = Driver(distributed()).start([1, 2, 3])
    first, second, third = children(driver)
    driver.child(first).child(second, status="FAILED")
    assert driver.finish.error == "States.ExceedToleratedFailureThreshold"
    assert driver.finish.cause == "The specified tolerated failure threshold was exceeded"
    assert [stopped.child for stopped in driver.all(StopChild)] == [third]
    assert driver.events[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("fields", "failures", "is_tolerated"),
    [
        ({"ToleratedFailureCount": 1}, 1, True),
        ({"ToleratedFailureCount": 1}, 2, False),
        ({"ToleratedFailurePercentage": 50}, 2, True),
        ({"ToleratedFailurePercentage": 50}, 3, False),
        ({"ToleratedFailurePercentage": 100}, 4, True),
        ({"ToleratedFailureCount": 3, "ToleratedFailurePercentage": 25}, 2, False),
        ({"ToleratedFailureCount": 0}, 1, False),
    ],
)
def test_tolerated_failures(fields: dict[str, int], failures: int, is_tolerated: bool) -> None:
    driver = Driver(distributed(**fields)).start([0, 1, 2, 3])
    for number, child in enumerate(children(driver)):
        driver.child(child, number, status="FAILED" if number < failures else "SUCCEEDED")
    assert driver.finish.status == ("SUCCEEDED" if is_tolerated else "FAILED")
    if is_tolerated:
        assert driver.finish.output == list(range(failures, 4))


def run_of(driver: Driver) -> str:
    """Return the ARN of the run of a driver."""
    (branch,) = driver.execution.branches.values()
    assert isinstance(branch.work, MapRunWork | DatasetWork)
    return branch.work.arn


def test_concurrency_of_a_run_can_be_changed() -> None:
    driver = Driver(distributed(MaxConcurrency=2)).start([0] * 12_000)
    driver.update_map_run(run_of(driver), concurrency=4)
    assert len(children(driver)) == 4
    driver.update_map_run(run_of(driver), concurrency=2).child(children(driver)[0])
    assert len(children(driver)) == 4
    driver.update_map_run(run_of(driver), concurrency=0)
    assert len(children(driver)) == 1 + 10_000


def test_more_failures_can_be_tolerated_while_a_run_goes_on() -> None:
    driver = Driver(distributed()).start([0, 1, 2, 3])
    driver.update_map_run(run_of(driver), tolerated_count=1).child(children(driver)[0], status="FAILED")
    assert driver.execution.status == "RUNNING"
    driver.update_map_run(run_of(driver), tolerated_percentage=20.0)
    assert (driver.finish.status, driver.finish.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert [stopped.child for stopped in driver.all(StopChild)] == children(driver)[1:]


def test_a_run_that_reads_its_items_has_the_changed_limits() -> None:
    driver = Driver(distributed(ItemReader=READER, MaxConcurrency=1)).start({"key": "k"})
    driver.update_map_run(run_of(driver), concurrency=3).update_map_run(run_of(driver), tolerated_count=1)
    (command,) = driver.all(ReadItems)
    driver.succeed([1, 2, 3, 4], task=command.task)
    assert len(children(driver)) == 3
    driver.child(children(driver)[0], status="FAILED")
    assert driver.execution.status == "RUNNING"


def test_a_change_of_another_run_or_to_equal_limits_is_ignored() -> None:
    driver = Driver(distributed(MaxConcurrency=2)).start([0] * 5)
    before = driver.execution
    driver.update_map_run(run_of(driver), concurrency=2).update_map_run("arn:of:another", concurrency=5)
    assert driver.execution is before
    for child in range(5):
        driver.child(children(driver)[child])
    driver.update_map_run(driver.all(StartChild)[0].map_run_arn, concurrency=5)
    assert driver.execution.status == "SUCCEEDED"


def test_redelivered_and_unknown_children_are_ignored() -> None:
    driver = Driver(distributed()).start([1, 2])
    first, _ = children(driver)
    driver.child(first, "a")
    before = driver.execution
    for child in (first, "0.99.0", "0.1.9", "7.1.0"):
        driver.child(child, "again")
    assert driver.execution is before


def test_reader_gets_its_parameters_and_its_answer_brings_the_items() -> None:
    reader = READER | {"ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItemsPath": "$.max"}}
    driver = Driver(distributed(ItemReader=reader)).start({"key": "k", "max": 7})
    (command,) = driver.all(ReadItems)
    assert command.parameters == {"Bucket": "b", "Key": "k"}
    assert (command.max_items, command.config["InputType"]) == (7, "CSV")
    driver.succeed([{"a": "1"}], task=command.task)
    assert [child.input for child in driver.all(StartChild)] == [{"a": "1"}]
    assert driver.child(children(driver)[0], "ok").finish.output == ["ok"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(("fail", "States.ItemReaderFailed"), "States.ItemReaderFailed"), (("succeed", 5), "States.ItemReaderFailed")],
)
def test_failed_reader_fails_the_state(answer: tuple[str, Any], error: str) -> None:
    driver = Driver(distributed(ItemReader=READER)).start({"key": "k"})
    getattr(driver, answer[0])(answer[1], task=driver.all(ReadItems)[0].task)
    assert driver.finish.error == error
    assert driver.events[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_negative_max_items() -> None:
    driver = Driver(distributed(ItemReader=READER | {"ReaderConfig": {"MaxItemsPath": "$.max"}}))
    driver.start({"key": "k", "max": -1})
    assert driver.finish.error == "States.ItemReaderFailed"
    assert str(driver.finish.cause).endswith("field MaxItems must be positive")


@pytest.mark.parametrize(
    ("batcher", "sizes"),
    [
        ({"MaxItemsPerBatch": 2}, [2, 2, 1]),
        ({"MaxInputBytesPerBatch": len('{"Items":["aaaa","aaaa","aaaa"]}')}, [3, 2]),
        ({"MaxInputBytesPerBatch": 1}, [1, 1, 1, 1, 1]),
        ({"MaxItemsPerBatch": 9}, [5]),
    ],
)
def test_batches(batcher: dict[str, int], sizes: list[int]) -> None:
    driver = Driver(distributed(ItemBatcher=batcher)).start(["aaaa"] * 5)
    assert [len(command.input["Items"]) for command in driver.all(StartChild)] == sizes
    assert all(command.input.keys() == {"Items"} for command in driver.all(StartChild))


def test_batch_input_is_rendered_and_failures_count_items() -> None:
    batcher = {"MaxItemsPerBatchPath": "$.size", "BatchInput": {"k.$": "$.key"}}
    state = distributed(ItemsPath="$.xs", ItemBatcher=batcher, ToleratedFailureCount=2)
    driver = Driver(state).start({"xs": [1, 2, 3], "key": "k", "size": 2})
    assert driver.all(StartChild)[0].input == {"BatchInput": {"k": "k"}, "Items": [1, 2]}
    first, second = children(driver)
    driver.child(first, status="FAILED")
    assert driver.execution.status == "RUNNING"
    driver.child(second, status="FAILED")
    assert driver.finish.error == "States.ExceedToleratedFailureThreshold"


def test_writer_gets_a_row_for_each_child_and_the_state_returns_the_place() -> None:
    driver = Driver(distributed(ResultWriter=WRITER, ToleratedFailureCount=1)).start(["x", "y"])
    first, second = children(driver)
    driver.child(second, status="FAILED").child(first, 1)
    (command,) = driver.all(WriteResults)
    assert command.parameters == {"Bucket": "out", "Prefix": "p"}
    assert [(row["Index"], row["Input"], row["Status"]) for row in command.results] == [
        (0, "x", "SUCCEEDED"),
        (1, "y", "FAILED"),
    ]
    place = {"Bucket": "out", "Key": "p/1/manifest.json"}
    driver.succeed(place, task=command.task)
    assert driver.finish.output == {"MapRunArn": command.map_run_arn, "ResultWriterDetails": place}


def test_failed_writer_fails_the_state_with_its_own_error() -> None:
    driver = Driver(distributed(ResultWriter=WRITER)).start(["x"])
    driver.child(children(driver)[0])
    driver.send_failure(driver.all(WriteResults)[0].task)
    assert driver.finish.error == "States.ResultWriterFailed"


@pytest.mark.parametrize(("transformation", "expected"), [("COMPACT", [[1], 2]), ("FLATTEN", [1, 2])])
def test_transformation_without_a_place(transformation: str, expected: object) -> None:
    driver = Driver(distributed(ResultWriter={"WriterConfig": {"Transformation": transformation}})).start(["x", "y"])
    first, second = children(driver)
    assert driver.child(first, [1]).child(second, 2).finish.output == expected


def test_stopped_execution_stops_its_children_and_its_reader() -> None:
    driver = Driver(distributed()).start([1, 2])
    first, second = children(driver)
    driver.child(first).stop()
    assert [stopped.child for stopped in driver.all(StopChild)] == [second]
    reading = Driver(distributed(ItemReader=READER)).start({"key": "k"}).stop()
    assert reading.all(CancelTask) == [CancelTask(reading.all(ReadItems)[0].task)]


def test_redrive_runs_failed_and_stopped_children_again_and_starts_the_others() -> None:
    driver = Driver(distributed(MaxConcurrency=3)).start([0, 1, 2, 3])
    old = children(driver)
    driver.child(old[0], "zero").child(old[1], status="FAILED").redrive()
    again = driver.all(StartChild)[len(old) + 1 :]
    assert [(command.index, command.again) for command in again] == [(1, True), (2, True), (3, True)]
    before = driver.execution
    driver.child(old[2], status="ABORTED")
    assert driver.execution is before, "the answer of the stopped run comes too late"
    for command in again:
        driver.child(command.child, command.index)
    assert driver.finish.output == ["zero", 1, 2, 3]


def test_redrive_of_a_failed_writer_only_writes_again() -> None:
    driver = Driver(distributed(ResultWriter=WRITER)).start(["x"])
    driver.child(children(driver)[0], 1).send_failure(driver.all(WriteResults)[0].task).redrive()
    assert len(children(driver)) == 1
    driver.succeed({"Bucket": "out"}, task=driver.all(WriteResults)[1].task)
    assert driver.finish.status == "SUCCEEDED"


def test_outcomes_of_many_children_are_kept_in_chunks() -> None:
    driver = Driver(distributed(ToleratedFailurePercentage=100)).start(list(range(600)))
    for number, child in enumerate(children(driver)[:-1]):
        driver.child(child, number)
    work = driver.execution.branches[0].work
    assert isinstance(work, MapRunWork)
    assert [len(chunk) for chunk in work.outcomes] == [256, 256, 88]
    assert driver.child(children(driver)[-1], 599).finish.output == list(range(600))


def test_items_say_where_they_come_from() -> None:
    selector = {"from.$": "$$.Map.Item.Source"}
    assert Driver(distributed(ItemSelector=selector)).start([1]).all(StartChild)[0].input == {"from": "STATE_DATA"}
    reading = Driver(distributed(ItemSelector=selector, ItemReader=READER)).start({"key": "a/b.json"})
    reading.succeed([1], reading.all(ReadItems)[0].task)
    assert reading.all(StartChild)[0].input == {"from": "S3://b/a/b.json"}
    listing = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b", "Prefix": "p"}}
    reading = Driver(distributed(ItemSelector=selector, ItemReader=listing)).start({})
    reading.succeed([{"Key": "p/1"}], reading.all(ReadItems)[0].task)
    assert reading.all(StartChild)[0].input == {"from": "S3://b"}
