"""An SQS for tests, and surroundings in which nothing else leads anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.connectors.aws.sqs_server import SqsServer, serving

_ELSEWHERE = (
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test says leads anywhere."""
    for name in _ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")


@pytest.fixture
def server(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqsServer]:
    """An SQS that clients of this process find."""
    with serving() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.url)
        yield server
