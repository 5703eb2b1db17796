"""SQS responses as messages and failed entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.connectors.bridge.queue import (
    INVALID_RECEIPT_HANDLE,
    QueueAttributes,
    QueueUnavailableError,
    SqsMessage,
    SqsQueue,
)
from tests.unit.connectors.aws.sqs_server import SqsServer

URL = "https://sqs.eu-west-1.amazonaws.com/1/media"
ONE, OTHER = SqsMessage("m0", "r0", "x"), SqsMessage("m1", "r1", "y")


@pytest.fixture(autouse=True)
def default_region(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def message(**attributes: str) -> dict[str, Any]:
    found = {"ApproximateFirstReceiveTimestamp": "1773500966535", "MessageGroupId": "g", **attributes}
    return {"MessageId": "m0", "ReceiptHandle": "r0", "Body": "x", "Attributes": found}


@pytest.mark.parametrize(
    ("url", "region"), [(URL, "eu-west-1"), ("http://localhost/1/media", "us-east-1"), (URL + ".fifo", "eu-west-1")]
)
def test_region_comes_from_the_queue_url(server: SqsServer, url: str, region: str) -> None:
    SqsQueue(url, 5).receive()

    assert f"/{region}/sqs/" in server.requests[0].headers["Authorization"]


@pytest.mark.parametrize(("url", "is_fifo"), [(URL + ".fifo", True), (URL, False)])
def test_fifo_queue_is_recognised_by_name(server: SqsServer, url: str, is_fifo: bool) -> None:
    assert SqsQueue(url, 5).is_fifo is is_fifo


def test_receive_requests_ten_messages(server: SqsServer) -> None:
    SqsQueue(URL, 7).receive()

    asked = server.requests[0].asked
    assert (asked["QueueUrl"], asked["MaxNumberOfMessages"], asked["WaitTimeSeconds"]) == (URL, 10, 7)


def test_received_message_has_its_attributes(server: SqsServer) -> None:
    server.answers.append({"Messages": [message()]})

    assert SqsQueue(URL + ".fifo", 5).receive() == [SqsMessage("m0", "r0", "x", "g", 1773500966535)]


def test_group_is_ignored_on_a_standard_queue(server: SqsServer) -> None:
    server.answers.append({"Messages": [message()]})

    assert SqsQueue(URL, 5).receive()[0].group == ""


@pytest.mark.parametrize("answer", [{}, {"Messages": []}, {"Messages": None}])
def test_empty_receive_returns_no_messages(server: SqsServer, answer: Any) -> None:
    server.answers.append(answer)

    assert SqsQueue(URL, 5).receive() == []


def test_delete_returns_failed_entries(server: SqsServer) -> None:
    third = SqsMessage("m2", "r2", "z")
    failed = [
        {"Id": "2", "SenderFault": False, "Code": "InternalError", "Message": "busy"},
        {"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid", "Message": "expired"},
    ]
    server.answers.append({"Successful": [{"Id": "0"}], "Failed": failed})

    expired, retryable = SqsQueue(URL, 5).delete([ONE, OTHER, third])

    assert (expired.message, expired.reason, expired.expired) == (OTHER, "ReceiptHandleIsInvalid: expired", True)
    assert (retryable.message, retryable.reason, retryable.expired) == (third, "InternalError: busy", False)
    assert server.requests[0].asked["Entries"][1] == {"Id": "1", "ReceiptHandle": "r1"}


def test_entry_missing_from_the_response_failed(server: SqsServer) -> None:
    server.answers.append({"Successful": [{"Id": "0"}]})

    (error,) = SqsQueue(URL, 5).delete([ONE, OTHER])

    assert (error.message, error.expired) == (OTHER, False)


def test_change_visibility_sends_the_timeout(server: SqsServer) -> None:
    server.answers.append({"Successful": [{"Id": "0"}]})

    assert SqsQueue(URL, 5).change_visibility([ONE], 30) == []
    assert server.requests[0].asked["Entries"] == [{"Id": "0", "ReceiptHandle": "r0", "VisibilityTimeout": 30}]


@pytest.mark.parametrize(
    ("attributes", "terms"),
    [
        ({"VisibilityTimeout": "7", "RedrivePolicy": "{}"}, QueueAttributes(7, True)),
        ({"VisibilityTimeout": "0"}, QueueAttributes(0, False)),
        ({}, QueueAttributes(30, False)),
    ],
)
def test_attributes_are_parsed(server: SqsServer, attributes: dict[str, str], terms: QueueAttributes) -> None:
    server.answers.append({"Attributes": attributes})

    assert SqsQueue(URL, 5).attributes() == terms


@pytest.mark.parametrize("allowed", [0, 1])
def test_permission_check_uses_an_invalid_receipt_handle(server: SqsServer, allowed: int) -> None:
    failed = {"Failed": [{"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}]}
    server.answers.extend([failed] * allowed)
    server.answers.append((403, {"__type": "AccessDenied", "message": "denied"}))

    with pytest.raises(QueueUnavailableError, match="denied"):
        SqsQueue(URL, 5).check_permissions()
    assert {each.asked["Entries"][0]["ReceiptHandle"] for each in server.requests} == {INVALID_RECEIPT_HANDLE}
    assert len(server.requests) == allowed + 1


RECEIVED = message()
Ask = Callable[[SqsQueue], object]


def delete(queue: SqsQueue) -> object:
    return queue.delete([ONE])


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in RECEIVED.items() if each != name}


HOSTILE: list[tuple[Ask, Any]] = [
    (SqsQueue.receive, {"Messages": 7}),
    (SqsQueue.receive, {"Messages": {"0": RECEIVED}}),
    (SqsQueue.receive, {"Messages": [7]}),
    (SqsQueue.receive, {"Messages": [without("MessageId")]}),
    (SqsQueue.receive, {"Messages": [without("ReceiptHandle")]}),
    (SqsQueue.receive, {"Messages": [without("Body")]}),
    (SqsQueue.receive, {"Messages": [RECEIVED | {"Body": 7}]}),
    (SqsQueue.receive, {"Messages": [RECEIVED | {"ReceiptHandle": None}]}),
    (SqsQueue.receive, {"Messages": [RECEIVED | {"Attributes": 7}]}),
    (SqsQueue.receive, {"Messages": [RECEIVED | {"Attributes": {"SentTimestamp": 7}}]}),
    (delete, {"Successful": {"Id": "0"}}),
    (delete, {"Successful": [{}]}),
    (delete, {"Successful": [{"Id": 0}]}),
    (delete, {"Failed": [{"Code": "InternalError"}]}),
    (delete, {"Failed": [{"Id": "0", "Code": 7}]}),
    (SqsQueue.attributes, {"Attributes": []}),
    (SqsQueue.attributes, {"Attributes": {"VisibilityTimeout": "soon"}}),
    (SqsQueue.attributes, {"Attributes": {"VisibilityTimeout": "-1"}}),
    (SqsQueue.attributes, {"Attributes": {"VisibilityTimeout": 30}}),
]


@pytest.mark.parametrize("fast_path", [True, False])
@pytest.mark.parametrize(("ask", "answer"), HOSTILE)
def test_an_answer_of_another_shape_makes_the_queue_unavailable(
    server: SqsServer, ask: Ask, answer: Any, fast_path: bool
) -> None:
    server.answers += [answer, answer]  # boto3 repeats the call of the fast path

    with pytest.raises(QueueUnavailableError, match="unexpected"):
        ask(SqsQueue(URL, 5, fast_path))
