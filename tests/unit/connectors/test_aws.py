"""What goes wrong on the way to SQS comes as one kind of error."""

from __future__ import annotations

import socket

import pytest

from connectors.aws import Queue, QueueUnavailable


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test says leads anywhere."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_a_queue_says_its_region_in_its_url() -> None:
    queue = Queue("https://sqs.eu-west-1.amazonaws.com/1/media", 1)

    assert queue._sqs.meta.region_name == "eu-west-1"


def test_without_a_region_the_queue_is_unavailable() -> None:
    with pytest.raises(QueueUnavailable, match="region"):
        Queue("http://localhost/1/media", 1)


def test_a_queue_that_nobody_answers_for_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")

    with pytest.raises(QueueUnavailable, match="Could not connect"):
        Queue(f"http://127.0.0.1:{port}/1/media", 1).receive()


@pytest.mark.parametrize(("url", "is_fifo"), [("http://a/media.fifo", True), ("http://a/media", False)])
def test_a_fifo_queue_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch, url: str, is_fifo: bool) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    assert Queue(url, 1).is_fifo is is_fifo
