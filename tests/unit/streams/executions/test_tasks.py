"""Tasks: services, stages, jobs, nested executions and datasets, each called once."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event, MediaLabelled, Pointer, StimulusReceived, TaskScheduled
from headrace.streams import pipeline
from headrace.streams.executions.definitions import DefinitionTable
from headrace.streams.executions.inbox import InboxMessage
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter
from headrace.streams.executions.tasks.answers import AnswerStore
from headrace.streams.executions.tasks.completions import Completions
from headrace.streams.executions.tasks.dataset_task import DatasetTasks
from headrace.streams.executions.tasks.job_task import StartedTasks, job_task_token
from headrace.streams.executions.tasks.ports import TaskError
from headrace.streams.executions.tasks.service_task import ServiceTasks
from headrace.streams.executions.tasks.stage_task import StageTasks
from headrace.streams.executions.tasks.task_router import TaskKinds, TaskRouter
from headrace.streams.machines.execution.commands import ReadItems, SubmitTask, WriteResults
from headrace.streams.results import ResultsStore
from tests.support.records import asset, envelope, job_finished, ready
from tests.unit.streams.executions.fake_log import BEGIN, CODEC, FakeLog

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:m:e"


class FakeCalls:
    """AWS services with given answers."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.calls: list[tuple[str, Any, str]] = []
        self.objects: dict[str, bytes] = {}
        self._answers = answers

    async def call(self, service: str, action: str, parameters: Any, token: str) -> Any:
        self.calls.append((f"{service}:{action}", parameters, token))
        answer = self._answers[f"{service}:{action}"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def get_object(self, bucket: str, key: str) -> bytes:
        if key not in self.objects:
            raise TaskError("S3.NoSuchKeyException", "no such key")
        return self.objects[key]

    async def put_object(self, bucket: str, key: str, content: bytes) -> None:
        self.objects[key] = content


class Tasks:
    """A router of tasks with fakes."""

    def __init__(self, **answers: Any) -> None:
        self.log = FakeLog()
        self.calls = FakeCalls({name.replace("_", ":"): answer for name, answer in answers.items()})
        bucket, definitions = self.log.bucket, DefinitionTable()
        self.log.deploy({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}, "inner")
        for record in self.log.topics[topics.MACHINE_DEFINITIONS.name]:
            definitions.take(record)
        payloads = PayloadStore(bucket)
        writer = RecordWriter(CODEC, payloads, lambda: BEGIN)
        stage_tasks, jobs = StageTasks(pipeline.stages(), bucket, CODEC), StartedTasks(bucket)
        services = ServiceTasks(self.calls, ("lambda:invoke", "rekognition:*", "sqs:*", "transcribe:*"))
        kinds = TaskKinds(definitions, services, DatasetTasks(self.calls), stage_tasks, jobs)
        self.results = ResultsStore(bucket)
        completions = Completions(stage_tasks, jobs, self.results, writer)
        self._router = TaskRouter(kinds, AnswerStore(bucket, payloads), completions, writer)

    async def run(self, command: SubmitTask | ReadItems | WriteResults) -> tuple[ProducerRecord, ...]:
        """Run a task and return its records."""
        body = encode_json(command).decode()
        event = TaskScheduled(execution=EXECUTION, task=command.task, state="S", kind=type(command).__name__, body=body)
        return await self.route(topics.MACHINE_TASKS.name, event) or ()

    async def route(self, topic: str, event: Event, headers: Any = ()) -> tuple[ProducerRecord, ...] | None:
        """Route the record of an event."""
        cause = EventMetadata(id="cause", source="s", type="t", time="")
        received = ConsumerRecord(topic, 0, 0, 1.0, b"k", CODEC.encode(event), headers)
        return await self._router.route(received, event, cause)


def message(record: ProducerRecord) -> Any:
    """Return the message of an inbox record."""
    event = CODEC.decode(record.value)
    assert isinstance(event, StimulusReceived)
    return decode_json(event.body.encode(), InboxMessage)


def stimulus(records: tuple[ProducerRecord, ...] | None) -> Any:
    """Return the stimulus of the last record."""
    assert records
    return message(records[-1]).stimulus


def submit(resource: str, value: Any = None) -> SubmitTask:
    return SubmitTask("0.1", "S", f"arn:aws:states:::{resource}", value if value is not None else {})


async def test_service_is_called_once_per_task() -> None:
    tasks = Tasks(rekognition_detectLabels={"Labels": []})
    command = submit("aws-sdk:rekognition:detectLabels", {"Image": {}})
    first, second = await tasks.run(command), await tasks.run(command)
    assert stimulus(first).output == {"Labels": []}
    assert first == second
    assert [call[0] for call in tasks.calls.calls] == ["rekognition:detectLabels"]


async def test_error_of_a_service_is_an_answer() -> None:
    tasks = Tasks(rekognition_detectLabels=TaskError("Rekognition.InvalidImageFormatException", "not an image"))
    answer = stimulus(await tasks.run(submit("aws-sdk:rekognition:detectLabels")))
    assert (answer.error, answer.cause) == ("Rekognition.InvalidImageFormatException", "not an image")


async def test_action_that_is_not_allowed_is_not_called() -> None:
    tasks = Tasks()
    answer = stimulus(await tasks.run(submit("aws-sdk:ec2:terminateInstances")))
    assert answer.error == "Headrace.ActionNotAllowed"
    assert "HEADRACE_MACHINE_ACTIONS" in answer.cause
    assert tasks.calls.calls == []


async def test_http_task_without_connections_fails_with_the_setting() -> None:
    arn = "arn:aws:events:eu-central-1:123456789012:connection/api/1"
    given = {"ApiEndpoint": "https://example.com", "Method": "GET", "Authentication": {"ConnectionArn": arn}}
    answer = stimulus(await Tasks().run(submit("http:invoke", given)))
    assert (answer.error, "HEADRACE_HTTP_CONNECTIONS" in answer.cause) == ("Headrace.HttpCallNotAllowed", True)


async def test_lambda_function_answers_its_payload() -> None:
    tasks = Tasks(lambda_invoke={"Payload": {"x": 1}, "StatusCode": 200})
    function = SubmitTask("0.1", "S", "arn:aws:lambda:eu-central-1:123456789012:function:f", {"in": 1})
    assert stimulus(await tasks.run(function)).output == {"x": 1}
    assert tasks.calls.calls[0][1]["Payload"] == '{"in":1}'
    failing = Tasks(lambda_invoke={"Payload": {"errorType": "Oops", "errorMessage": "m"}, "FunctionError": "Unhandled"})
    answer = stimulus(await failing.run(submit("lambda:invoke", {"FunctionName": "f"})))
    assert (answer.error, answer.cause) == ("Oops", '{"errorType":"Oops","errorMessage":"m"}')


async def test_task_with_a_token_is_submitted() -> None:
    tasks = Tasks(sqs_sendMessage={"MessageId": "1"})
    records = await tasks.run(submit("sqs:sendMessage.waitForTaskToken", {"MessageBody": {"token": "t"}}))
    assert type(stimulus(records)).__name__ == "TaskSubmitted"
    assert tasks.calls.calls[0][1] == {"MessageBody": '{"token":"t"}'}


async def test_completion_event_answers_a_job() -> None:
    tasks = Tasks(transcribe_startTranscriptionJob={"TranscriptionJob": {}})
    records = await tasks.run(submit("aws-sdk:transcribe:startTranscriptionJob.sync", {"Media": {}}))
    assert type(stimulus(records)).__name__ == "TaskSubmitted"
    token = job_task_token(EXECUTION, "0.1")
    assert tasks.calls.calls[0][1]["TranscriptionJobName"] == token
    finished = job_finished(token)
    answer = stimulus(await tasks.route(topics.JOBS_FINISHED.name, finished))
    assert (answer.task, answer.output["Status"]) == ("0.1", "COMPLETED")
    assert await tasks.route(topics.JOBS_FINISHED.name, job_finished("labels-" + "0" * 40)) is None


async def test_nested_execution_is_started_with_its_parent() -> None:
    tasks = Tasks()
    records = await tasks.run(submit("states:startExecution.sync:2", {"StateMachineArn": "inner", "Input": {"x": 1}}))
    start = message(records[0])
    assert start.stimulus.input == {"x": 1}
    assert (start.parent.execution, start.parent.reference) == (EXECUTION, "0.1")
    assert type(stimulus(records)).__name__ == "TaskSubmitted"
    unknown = await tasks.run(submit("states:startExecution", {"StateMachineArn": "nope"}))
    assert stimulus(unknown).error == "StepFunctions.StateMachineDoesNotExistException"


def labelled() -> MediaLabelled:
    pointer = Pointer(bucket="results", key="k", size=1, sha256="0", content_type="application/json")
    return MediaLabelled(asset=asset(), labels=(), label_count=0, model="3.0", result=pointer, charges=())


async def test_stage_runs_and_its_result_answers_the_task() -> None:
    tasks = Tasks()
    value = msgspec.to_builtins(ready(asset()))
    records = await tasks.run(submit("headrace:stage:labels", value))
    assert records[0].topic == "labels.retry"
    assert CODEC.decode(records[0].value) == ready(asset())
    assert type(stimulus(records)).__name__ == "TaskSubmitted"
    answer = stimulus(await tasks.route(topics.LABELLED.name, labelled()))
    assert (answer.task, answer.output["label_count"]) == ("0.1", 0)
    headers = (("dlq-code", b"unsupported_input"), ("dlq-message", b"not an image"))
    failed = stimulus(await tasks.route("labels.dlq", ready(asset()), headers))
    assert (failed.error, failed.cause) == ("Headrace.unsupported_input", "not an image")
    assert await tasks.route(topics.LABELLED.name, msgspec.structs.replace(labelled(), asset=asset("other"))) is None


async def test_stored_result_of_a_stage_answers_at_once() -> None:
    tasks = Tasks()
    event, source = labelled(), ready(asset())
    await tasks.results.put(asset(), "ready@1-a518e23c85cddd4a", source, envelope(source), "c")
    await tasks.results.put(asset(), "labels@1", event, envelope(event), "c")
    records = await tasks.run(submit("headrace:stage:labels", {"bucket": asset().bucket, "key": asset().key}))
    assert [record.topic for record in records] == [topics.MACHINE_INBOX.name]
    assert stimulus(records).output == msgspec.json.decode(msgspec.json.encode(event))


async def test_result_of_a_joining_stage_is_a_task() -> None:
    tasks = Tasks()
    value = {"bucket": asset().bucket, "key": asset().key}
    early = stimulus(await tasks.run(submit("headrace:stage:ready", value)))
    assert (early.error, early.cause) == ("Headrace.InputNotAccepted", "media/photos/cat.jpg has no result of ready")
    source = ready(asset())
    await tasks.results.put(asset(), "ready@1-a518e23c85cddd4a", source, envelope(source), "c")
    done = stimulus(await tasks.run(submit("headrace:stage:ready", value)))
    assert done.output["kind"] == "image"


async def test_stage_rejects_what_it_does_not_process() -> None:
    tasks = Tasks()
    unknown = stimulus(await tasks.run(submit("headrace:stage:nope", {})))
    assert unknown.error == "Headrace.UnknownStage"
    sound = msgspec.to_builtins(ready(asset(), kind="audio"))
    assert stimulus(await tasks.run(submit("headrace:stage:labels", sound))).error == "Headrace.InputNotAccepted"
    missing = stimulus(await tasks.run(submit("headrace:stage:labels", {"bucket": "b", "key": "k"})))
    assert missing.cause == "b/k has no result of ready"


async def test_items_are_read_from_s3_and_results_written() -> None:
    tasks = Tasks()
    tasks.calls.objects["items.csv"] = b"name\na\nb\n"
    place = {"Bucket": "b", "Key": "items.csv"}
    read = ReadItems("0.1", "S", "arn:aws:states:::s3:getObject", place, {"InputType": "CSV"}, None)
    assert stimulus(await tasks.run(read)).output == [{"name": "a"}, {"name": "b"}]
    missing = ReadItems("0.2", "S", "arn:aws:states:::s3:getObject", {"Bucket": "b", "Key": "no"}, {}, None)
    assert stimulus(await tasks.run(missing)).error == "States.ItemReaderFailed"
    rows = [{"Index": 0, "Status": "SUCCEEDED", "Output": 1}]
    arn, target = "arn:aws:states:::mapRun:m/l:run", {"Bucket": "b", "Prefix": "out"}
    write = WriteResults("0.3", "S", "arn:aws:states:::s3:putObject", target, {}, arn, rows)
    assert stimulus(await tasks.run(write)).output == {"Bucket": "b", "Key": "out/run/manifest.json"}
    assert b'"Output":1' in tasks.calls.objects["out/run/SUCCEEDED_0.json"]
