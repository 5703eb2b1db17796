"""Every failed SQS call raises `QueueUnavailableError` with the original message."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from headrace.connectors.aws.sqs_client import QueueUnavailableError, SqsClient
from tests.unit.connectors.aws.sqs_server import QUEUE, SqsServer

pytestmark = pytest.mark.usefixtures("aws")

ERRORS = [
    (400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."}),
    (403, {"__type": "AccessDeniedException", "Message": "User x is not authorized to perform: sqs:deletemessage"}),
    (403, {"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}),
    (400, {"__type": "com.amazonaws.sqs#OverLimit", "message": "Too many messages in flight"}),
    (400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}),
]


@pytest.fixture
def sqs(server: SqsServer) -> SqsClient:
    return SqsClient("eu-west-1", 5, 2)


def test_operation_is_called_by_its_aws_name(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.append({"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": "ü"}]})

    found = sqs.call("ReceiveMessage", QueueUrl=QUEUE, MaxNumberOfMessages=10)

    assert found["Messages"][0]["Body"] == "ü"
    (request,) = server.requests
    assert (request.operation, request.asked) == ("ReceiveMessage", {"QueueUrl": QUEUE, "MaxNumberOfMessages": 10})


@pytest.mark.parametrize("answer", ERRORS)
def test_sqs_error_message_is_kept(server: SqsServer, sqs: SqsClient, answer: tuple[int, Any]) -> None:
    server.answers.extend([answer] * 2)
    error = answer[1]

    with pytest.raises(QueueUnavailableError) as refused:
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)

    assert str(refused.value) == f"{error['__type'].rpartition('#')[2]}: {error.get('message') or error['Message']}"


def test_transient_error_is_retried(server: SqsServer, sqs: SqsClient) -> None:
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
def test_response_from_another_server_is_rejected(server: SqsServer, sqs: SqsClient, answer: Any) -> None:
    server.answers.extend([answer] * 3)

    with pytest.raises(QueueUnavailableError):
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)


def test_lone_surrogate_in_one_message_does_not_block_others(server: SqsServer, sqs: SqsClient) -> None:
    ids = '"MessageId": "m", "ReceiptHandle": "r"'
    server.answers.append(f'{{"Messages": [{{{ids}, "Body": "\\ud800"}}, {{{ids}, "Body": "good"}}]}}'.encode())

    found = sqs.call("ReceiveMessage", QueueUrl=QUEUE)

    assert [each["Body"] for each in found["Messages"]] == ["\ud800", "good"]


def test_expired_credentials_are_refreshed_on_every_call(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.extend([ERRORS[2], {}])

    with pytest.raises(QueueUnavailableError, match="expired"):
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)
    assert sqs.call("ReceiveMessage", QueueUrl=QUEUE).get("Messages") is None


def test_missing_credentials_make_the_queue_unavailable(server: SqsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(QueueUnavailableError, match="credentials"):
        SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)
    assert server.requests == []


def test_missing_region_makes_the_queue_unavailable() -> None:
    with pytest.raises(QueueUnavailableError, match="region"):
        SqsClient(None, 5, 2)


def test_invalid_endpoint_url_makes_the_queue_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "nonsense")

    with pytest.raises(QueueUnavailableError, match="nonsense"):
        SqsClient("eu-west-1", 5, 2)


def test_unreachable_server_makes_the_queue_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")

    with pytest.raises(QueueUnavailableError, match="Could not connect"):
        SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)


def test_silent_server_times_out(server: SqsServer) -> None:
    server.silent = threading.Event()

    with pytest.raises(QueueUnavailableError, match="timeout"):
        SqsClient("eu-west-1", 0.1, 2).call("ReceiveMessage", QueueUrl=QUEUE)


def test_error_does_not_contain_the_secret(server: SqsServer, sqs: SqsClient) -> None:
    server.answers.append((403, {"__type": "SignatureDoesNotMatch", "message": "check your key"}))

    with pytest.raises(QueueUnavailableError) as caught:
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)
    assert "hunter2" not in str(caught.value) + str(server.requests)
