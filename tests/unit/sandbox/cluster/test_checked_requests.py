"""Tests of the checks in front of MiniStack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.connectors.aws.request_guard import Message, Receive, Send
from headrace.sandbox.cluster.checked_requests import CheckedRequests
from headrace.sandbox.cluster.request_checks import entry_errors, rejection

ENTRY = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
FIFO = "http://127.0.0.1/000000000000/media.fifo"


def entries(count: int, **members: str) -> list[dict[str, str]]:
    return [{"Id": str(number), **members} for number in range(count)]


@pytest.mark.parametrize(
    ("target", "parameters", "code"),
    [
        ("AmazonSQS.SendMessage", {"MessageBody": ""}, "MissingParameter"),
        ("AmazonSQS.SendMessage", {"MessageBody": "a", "MessageDeduplicationId": "a b"}, "InvalidParameterValue"),
        ("AmazonSQS.SendMessageBatch", {"QueueUrl": FIFO, "Entries": entries(1)}, "InvalidParameterValue"),
        ("AmazonSQS.ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("AmazonSQS.ReceiveMessage", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        *(
            (f"AmazonSQS.{name}Batch", {"Entries": entries(11)}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
            for name in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
        ),
    ],
)
def test_invalid_request_is_rejected(target: str, parameters: dict[str, Any], code: str) -> None:
    found = rejection(target, parameters)
    assert found is not None
    assert found.query_code == code


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        ("AmazonSQS.SendMessage", {"MessageBody": "a", "MessageDeduplicationId": "a-1"}),
        ("AmazonSQS.SendMessageBatch", {"QueueUrl": FIFO, "Entries": entries(10, MessageGroupId="g")}),
        ("AmazonSQS.SendMessageBatch", {"QueueUrl": "http://127.0.0.1/0/media", "Entries": entries(10)}),
        ("AmazonSQS.ReceiveMessage", {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}),
        ("AmazonSQS.ReceiveMessage", {"WaitTimeSeconds": "20"}),
        ("AmazonSQS.DeleteMessageBatch", {"Entries": "none"}),
        ("AmazonSQS.DeleteMessageBatch", {"Entries": [1]}),
        ("AWSEvents.PutEvents", {"Entries": [ENTRY]}),
        ("AWSEvents.PutRule", {}),
    ],
)
def test_other_requests_are_passed(target: str, parameters: dict[str, Any]) -> None:
    assert rejection(target, parameters) is None


def test_too_large_events_are_rejected() -> None:
    found = rejection("AWSEvents.PutEvents", {"Entries": [{**ENTRY, "Detail": "é" * 2**19}]})
    assert found is not None
    assert found.code == "ValidationException"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"Source": ""}, "InvalidArgument"), ({"Detail": "[]"}, "MalformedDetail"), ({"Detail": "{"}, "MalformedDetail")],
)
def test_invalid_entry_has_an_error(changes: dict[str, str], code: str) -> None:
    found = entry_errors({"Entries": [ENTRY, {**ENTRY, **changes}]})
    assert {number: each.code for number, each in found.items()} == {1: code}


async def test_valid_entries_of_a_batch_are_put() -> None:
    seen: list[dict[str, Any]] = []

    async def ministack(scope: Message, receive: Receive, send: Send) -> None:
        message = await receive()
        assert dict(scope["headers"])[b"content-length"] == str(len(message["body"])).encode()
        seen.extend(json.loads(message["body"])["Entries"])
        ids = [{"EventId": each["Detail"]} for each in seen]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"Entries": ids}).encode()})

    details = ['{"n": 1}', "[]", '{"n": 3}']
    status, answer = await call(ministack, {"Entries": [{**ENTRY, "Detail": each} for each in details]})
    assert [each["Detail"] for each in seen] == ['{"n": 1}', '{"n": 3}']
    assert status == 200
    assert [each.get("EventId") for each in answer["Entries"]] == ['{"n": 1}', None, '{"n": 3}']
    assert (answer["FailedEntryCount"], answer["Entries"][1]["ErrorCode"]) == (1, "MalformedDetail")


async def call(app: Any, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send PutEvents to an application behind the checks; return the status and the content of the response."""
    body, sent = json.dumps(parameters).encode(), []
    headers = [(b"x-amz-target", b"AWSEvents.PutEvents"), (b"content-length", b"1")]

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await CheckedRequests(app)({"type": "http", "headers": headers}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])
