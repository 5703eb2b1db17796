"""Headrace's parsers read what was recorded on AWS."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.aws.sqs_client import SqsClient
from headrace.connectors.bridge.queue import SqsQueue
from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Parsed
from headrace.connectors.sinks.aws_batch import entry_errors
from headrace.connectors.sinks.base import error_from_aws_code
from headrace.connectors.sinks.registry import create_sink
from headrace.schemas.aws_errors import kind_of
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.jobs import JOB_SPECS
from headrace.schemas.records import AwsEvent, MediaDeleted, MediaUploaded
from headrace.streams.aws.job_status import result_of
from headrace.streams.aws.s3 import CONDITION_FAILED
from headrace.streams.errors import PermanentError, RetryAt
from tests.contract.fidelity.catalogue import all_scenarios
from tests.contract.fidelity.recordings import files, recorded_tests

NOW = datetime(2026, 3, 14, tzinfo=UTC)
TIME = "2025-01-21T23:21:10.000Z"
QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/111122223333/media"
TRANSCRIBE = JOB_SPECS["transcribe", "StartTranscriptionJob"]

Object = dict[str, Any]


def objects(value: Any) -> Iterator[Object]:
    """Yield every JSON object inside a value, the outer ones first."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(item)


def recorded(*members: str) -> list[Object]:
    """Return each recorded object that has these members, with a time in place of each date."""
    found = [each for file in files() for each in objects(recorded_tests(file)) if set(members) <= each.keys()]
    texts = dict.fromkeys(json.dumps(each).replace('"date"', json.dumps(TIME)) for each in found)
    return [json.loads(text) for text in texts]


def record_of(message: object) -> Any:
    """Return the only record of a message."""
    result = parse_message(json.dumps(message), NOW)
    assert isinstance(result, Parsed), result
    [(record, _)] = result.events
    return record


def check_object(found: Any, kind: str, key: str, item: Object) -> None:
    """Check the record of an S3 event: `kind` as a notification or EventBridge names it."""
    if kind.startswith(("ObjectCreated", "Object Created")):
        assert isinstance(found, MediaUploaded)
        assert (found.asset.size, found.asset.sequencer) == (item["size"], item["sequencer"])
        assert found.asset.etag == item.get("eTag", item.get("etag"))
    elif kind.startswith(("ObjectRemoved", "Object Deleted")):
        assert isinstance(found, MediaDeleted)
    else:
        assert isinstance(found, AwsEvent)
        return
    assert found.asset.key == key
    assert found.asset.version_id == item.get("versionId", item.get("version-id"))


def test_s3_notifications_are_read() -> None:
    records = [each for each in recorded("eventSource", "eventVersion", "s3") if each["eventSource"] == "aws:s3"]
    assert len(records) > 15
    for each in records:
        item = each["s3"]["object"]
        check_object(record_of({"Records": [each]}), each["eventName"], unquote_plus(item["key"]), item)


def test_eventbridge_events_are_read() -> None:
    events = recorded("version", "id", "detail-type", "source", "account", "detail")
    assert len(events) > 30
    assert any("replay-name" in each for each in events)
    for each in events:
        found = record_of(each)
        if each["source"] == "aws.s3" and isinstance(each["detail"], dict):
            item = each["detail"]["object"]
            check_object(found, each["detail-type"], item["key"], item)
        else:
            assert isinstance(found, AwsEvent)
            assert json.loads(found.body) == each


def test_sns_notifications_are_read_by_their_contents() -> None:
    sent = [each for each in recorded("Type", "TopicArn", "Message") if each["Type"] == "Notification"]
    s3 = [each for each in sent if "s3SchemaVersion" in str(each["Message"])]
    plain = [each for each in sent if isinstance(each["Message"], str)]
    assert len(s3) >= 3
    assert len(plain) > 10
    for each in s3:
        assert isinstance(record_of({**each, "Message": json.dumps(each["Message"])}), MediaUploaded)
    for each in plain:
        assert isinstance(record_of(each), AwsEvent)


def test_sqs_messages_are_received(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [recorded_tests("sqs")["test_fifo_message_attributes[sqs]"]["receive_message_0"]]
    answers.append(recorded_tests("sqs")["test_receive_empty_queue[sqs]"]["empty_long_poll_resp"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(SqsClient, "call", lambda *_, **__: answers.pop(0))
    queue = SqsQueue(f"{QUEUE_URL}.fifo", 1)
    [message] = queue.receive()
    assert (message.body, message.group) == ("message-body-1", "group-1")
    assert queue.receive() == []


def test_failed_entry_of_a_batch_is_permanent() -> None:
    answer = recorded_tests("sqs")["test_send_batch_message_size"]["send-message-batch-result"]
    numbered = {"Failed": [{**answer["Failed"][0], "Id": "0"}], "Successful": answer["Successful"]}
    [failure, success] = entry_errors(numbered, 2)
    assert failure is not None
    assert (failure.kind, failure.code, success) == ("permanent", "InvalidParameterValue", None)


def test_rejected_event_is_permanent() -> None:
    entries = [entry for answer in recorded("Entries", "FailedEntryCount") for entry in answer["Entries"]]
    failed = [entry for entry in entries if "ErrorCode" in entry]
    assert {error_from_aws_code(each["ErrorCode"], each["ErrorMessage"]).kind for each in failed} == {"permanent"}


def test_every_recorded_error_code_of_a_compared_operation_is_permanent() -> None:
    answers = [recorded_tests(scenario.file)[scenario.test] for scenario in all_scenarios()]
    errors = [each["Error"] for answer in answers for each in objects(answer) if isinstance(each.get("Error"), dict)]
    assert len({error["Code"] for error in errors}) > 10
    assert {error["Code"] for error in errors if kind_of(error["Code"]) != "permanent"} == set()


def test_failed_condition_is_recognised() -> None:
    recording = recorded_tests("s3_preconditions")["test_s3_copy_object_preconditions"]
    assert recording["copy-precondition-if-match"]["Error"]["Code"] in CONDITION_FAILED


def test_transcribe_jobs_are_read() -> None:
    tests = recorded_tests("transcribe")
    ended = tests["test_transcribe_happy_path"]["TranscriptionJob"]
    assert result_of(TRANSCRIBE, "job", ended)["Transcript"]["TranscriptFileUri"] == "<transcript-file-uri>"
    with pytest.raises(RetryAt):
        result_of(TRANSCRIBE, "job", tests["test_get_transcription_job"]["GetJob"])
    with pytest.raises(PermanentError, match=r"Maximum audio duration is 4\.0") as failed:
        result_of(TRANSCRIBE, "job", tests["test_transcribe_error_invalid_length"]["TranscribeErrorInvalidLength"])
    assert failed.value.code == "job_failed"


async def test_error_of_a_function_is_a_failed_delivery() -> None:
    answer = recorded_tests("lambda_destinations")["test_dead_letter_queue"]["invoke_result"]

    class Session(AwsSession):
        def call_once(self, service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
            return {**answer, "Payload": io.BytesIO(json.dumps(answer["Payload"]).encode())}

    sink = create_sink("lambda", "name", {"wait": True}, Session())
    with pytest.raises(DeliveryError, match="Test exception") as failed:
        await sink(Delivery("id", "key", "{}", "type", "source"))
    assert (failed.value.kind, failed.value.code) == ("transient", "function_error")
