"""What goes wrong on the way to SQS comes as one kind of error, in the words of whoever said it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from headrace.connectors.aws.sqs_client import QueueUnavailableError, SqsClient
from tests.unit.connectors.aws.sqs_server import QUEUE, SqsServer

pytestmark = pytest.mark.usefixtures("aws")

SAID = [
    (400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."}),
    (403, {"__type": "AccessDeniedException", "Message": "User x is not authorized to perform: sqs:deletemessage"}),
    (403, {"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}),
    (400, {"__type": "com.amazonaws.sqs#OverLimit", "message": "Too many messages in flight"}),
    (400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}),
]


@pytest.fixture
def sqs(server: SqsServer) -> SqsClient:
    return SqsClient("eu-west-1", 5, 2)


def test_an_operation_is_called_by_the_name_that_aws_gives_it(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.append({"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": "ü"}]})

    found = sqs.call("ReceiveMessage", QueueUrl=QUEUE, MaxNumberOfMessages=10)

    assert found["Messages"][0]["Body"] == "ü"
    (request,) = server.requests
    assert (request.operation, request.asked) == ("ReceiveMessage", {"QueueUrl": QUEUE, "MaxNumberOfMessages": 10})


@pytest.mark.parametrize("answer", SAID)
def test_a_refusal_is_told_in_the_words_of_sqs(server: SqsServer, sqs: SqsClient, answer: tuple[int, Any]) -> None:
    server.answers.extend([answer] * 2)
    said = answer[1]

    with pytest.raises(QueueUnavailableError) as refused:
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)

    assert str(refused.value) == f"{said['__type'].rpartition('#')[2]}: {said.get('message') or said['Message']}"


def test_what_has_stumbled_once_is_asked_again(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.extend([(503, b"<html>"), {"Messages": []}])

    assert sqs.call("ReceiveMessage", QueueUrl=QUEUE)["Messages"] == []


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"<html>busy</html>"),
        (500, {"__type": "InternalError"}),
        (302, b""),
        b"[]",
        b"7",
        b"null",
        b'{"Messages": 7}',
        b'{"Messages": [7]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_does_not_come_from_sqs_is_no_answer(server: SqsServer, sqs: SqsClient, answer: Any) -> None:
    server.answers.extend([answer] * 3)

    with pytest.raises(QueueUnavailableError):
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)


def test_half_a_surrogate_pair_in_one_message_does_not_hold_up_the_others(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.append(b'{"Messages": [{"Body": "\\ud800"}, {"Body": "good"}]}')

    found = sqs.call("ReceiveMessage", QueueUrl=QUEUE)

    assert [each["Body"] for each in found["Messages"]] == ["\ud800", "good"]


def test_credentials_that_have_expired_are_asked_for_again_at_every_call(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.extend([SAID[2], {}])

    with pytest.raises(QueueUnavailableError, match="expired"):
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)
    assert sqs.call("ReceiveMessage", QueueUrl=QUEUE).get("Messages") is None


def test_without_credentials_the_queue_is_unavailable(server: SqsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(QueueUnavailableError, match="credentials"):
        SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)
    assert server.requests == []


def test_without_a_region_the_queue_is_unavailable() -> None:
    with pytest.raises(QueueUnavailableError, match="region"):
        SqsClient(None, 5, 2)


def test_an_endpoint_that_is_no_url_makes_the_queue_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "nonsense")

    with pytest.raises(QueueUnavailableError, match="nonsense"):
        SqsClient("eu-west-1", 5, 2)


def test_a_server_that_is_not_there_makes_the_queue_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")

    with pytest.raises(QueueUnavailableError, match="Could not connect"):
        SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(server: SqsServer) -> None:
    server.silent = threading.Event()

    with pytest.raises(QueueUnavailableError, match="timeout"):
        SqsClient("eu-west-1", 0.1, 2).call("ReceiveMessage", QueueUrl=QUEUE)


def test_nothing_that_is_said_holds_the_secret(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.append((403, {"__type": "SignatureDoesNotMatch", "message": "check your key"}))

    with pytest.raises(QueueUnavailableError) as caught:
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)
    assert "hunter2" not in str(caught.value) + str(server.requests)
