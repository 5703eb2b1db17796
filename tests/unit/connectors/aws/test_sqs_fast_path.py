"""The fast path sends the requests of boto3 and falls back to boto3 for unsupported calls."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace.connectors.aws.sqs_client import QueueUnavailableError, SqsClient
from headrace.connectors.aws.sqs_fast_path import SqsEndpoint, SqsFastPath
from headrace.connectors.bridge.service import open_source
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.schemas.settings import load
from tests.support.fake_sns import Authority
from tests.support.http_server import Request as Posted
from tests.support.http_server import Response, serving
from tests.unit.connectors.aws.sqs_server import QUEUE, Request, SqsServer

ENTRIES = [{"Id": "0", "ReceiptHandle": "r0"}]
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("ReceiveMessage", "receive_message", {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}),
    ("DeleteMessageBatch", "delete_message_batch", {"Entries": ENTRIES}),
    (
        "ChangeMessageVisibilityBatch",
        "change_message_visibility_batch",
        {"Entries": [{**ENTRIES[0], "VisibilityTimeout": 0}]},
    ),
]
NOT_HERE = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."}


@pytest.fixture(autouse=True)
def session(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-session")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def seen(request: Request) -> dict[str, Any]:
    """Return the parts of a request that identify its operation and signer."""
    signed = request.headers["Authorization"].replace(",", "").split()
    named = ("Content-Type", "X-Amz-Target", "X-Amzn-Query-Mode", "X-Amz-Security-Token", "Host")
    return {
        "path": request.path,
        "asked": request.asked,
        "signed": [part for part in signed if not part.startswith("Signature=")],
        **{name: request.headers[name] for name in named},
    }


@pytest.mark.parametrize(("operation", "method", "parameters"), CALLS)
def test_request_equals_boto3(server: SqsServer, operation: str, method: str, parameters: dict[str, Any]) -> None:
    SqsClient("eu-west-1", 5, 2).call(operation, QueueUrl=QUEUE, **parameters)
    getattr(boto3.session.Session().client("sqs"), method)(QueueUrl=QUEUE, **parameters)

    ours, theirs = server.requests
    assert "boto" not in ours.headers.get("User-Agent", "").lower()
    assert "boto" in theirs.headers["User-Agent"].lower()
    assert seen(ours) == seen(theirs)


@pytest.mark.parametrize(("operation", "method", "parameters"), CALLS)
def test_fast_path_switched_off_uses_boto3(
    server: SqsServer, operation: str, method: str, parameters: dict[str, Any]
) -> None:
    SqsClient("eu-west-1", 5, 2, fast_path=False).call(operation, QueueUrl=QUEUE, **parameters)

    (request,) = server.requests
    assert "boto" in request.headers["User-Agent"].lower()


@pytest.mark.parametrize(("value", "uses_boto3"), [("false", True), ("true", False), (None, False)])
def test_setting_switches_the_fast_path(
    server: SqsServer, monkeypatch: pytest.MonkeyPatch, value: str | None, uses_boto3: bool
) -> None:
    if value is not None:
        monkeypatch.setenv("HEADRACE_SQS_FAST_PATH", value)
    monkeypatch.setenv("HEADRACE_QUEUE_URLS", QUEUE)
    invalid_handle = {"Failed": [{"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}]}
    server.answers.extend([invalid_handle, invalid_handle, {"Attributes": {"VisibilityTimeout": "30"}}])
    source = open_source(QUEUE, load(BridgeSettings))
    source.queue.receive()

    assert ("boto" in server.requests[-1].headers.get("User-Agent", "").lower()) is uses_boto3


def test_connection_is_reused_and_reopened_after_close(server: SqsServer) -> None:
    sqs = SqsClient("eu-west-1", 5, 2)
    for _ in range(3):
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)
    assert len(server.connections) == 1
    server.hangs_up = True
    for _ in range(3):
        sqs.call("ReceiveMessage", QueueUrl=QUEUE)
    assert len(server.connections) == 3
    assert not any("boto" in request.headers.get("User-Agent", "").lower() for request in server.requests)


def test_error_has_the_code_of_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Posted) -> Response:
        error = {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
        return Response(400, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}', error)

    with serving(refuse) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
        with pytest.raises(QueueUnavailableError) as ours:
            SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)
        with pytest.raises(boto3.session.Session().client("sqs").exceptions.ClientError) as theirs:
            boto3.session.Session().client("sqs").receive_message(QueueUrl=QUEUE)
    said = theirs.value.response["Error"]
    assert str(ours.value) == f"{said['Code']}: {said['Message']}"


def test_proxy_is_used(server: SqsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://sqs.elsewhere.test")

    SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)

    assert server.requests[0].path == "http://sqs.elsewhere.test/"


def test_untrusted_server_certificate_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, got = Authority(now=datetime.now(UTC)), list[str]()
    certificate, trusted = tmp_path / "localhost.pem", tmp_path / "root.pem"
    certificate.write_bytes(authority.issue("localhost").pem_with_key + authority.issuer.pem)
    trusted.write_bytes(authority.root.pem)

    def receive(request: Posted) -> Response:
        got.append(request.headers.get("user-agent", ""))
        return Response(200, b'{"Messages": []}')

    with serving(receive, certificate) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
        with pytest.raises(QueueUnavailableError, match="SSL"):
            SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE)
        assert got == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted))
        assert SqsClient("eu-west-1", 5, 2).call("ReceiveMessage", QueueUrl=QUEUE) == {"Messages": []}
    assert got == [""]


def test_unsupported_call_falls_back_to_boto3(server: SqsServer) -> None:
    wire = SqsFastPath(SqsEndpoint(server.url, None, 1.0, 1.0), lambda headers, _body: dict(headers))
    server.answers.extend([(503, b"busy"), (302, b""), b'{"Messages": 7}', b"[" * 100_000, (400, b"<html>")])

    assert [wire.call("ReceiveMessage", {"QueueUrl": QUEUE}) for _ in range(5)] == [None] * 5
    assert wire.call("GetQueueAttributes", {"QueueUrl": QUEUE}) is None
    assert len(server.requests) == 5
