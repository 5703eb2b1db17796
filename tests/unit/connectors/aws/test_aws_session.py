"""Tests of AWS sessions: clients are shared within a session and never between sessions."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headrace.connectors.aws import client as aws_client
from headrace.connectors.aws.client import AwsCallError, AwsSession

pytestmark = pytest.mark.usefixtures("aws")

THREADS = 8


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch, aws: None) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


def test_a_session_has_one_client_per_service_region_and_attempts(region: None) -> None:
    session = AwsSession()
    sqs = session.client("sqs")
    assert session.client("sqs") is sqs
    others = (session.client("sns"), session.client("sqs", "us-east-1"), session.client("sqs", attempts=1))
    assert len({sqs, *others}) == 4
    assert sqs.meta.region_name == "eu-west-1"


def test_a_new_session_uses_the_current_environment(region: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = AwsSession().client("s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")
    assert AwsSession().client("s3").meta.endpoint_url == "http://127.0.0.1:9000" != first.meta.endpoint_url


def test_threads_share_one_client(region: None, monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[Any] = []
    create, barrier = aws_client._create_client, threading.Barrier(THREADS, timeout=60)

    def counted(*key: Any) -> Any:
        created.append(create(*key))
        return created[-1]

    def get(session: AwsSession) -> Any:
        barrier.wait()
        return session.client("sqs")

    monkeypatch.setattr(aws_client, "_create_client", counted)
    session = AwsSession()
    with ThreadPoolExecutor(THREADS) as threads:
        clients = set(threads.map(get, [session] * THREADS))
    assert clients == set(created)
    assert len(created) == 1


@pytest.mark.parametrize("call", [AwsSession.call_once, AwsSession.call_with_retries])
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "region"),
        ({"AWS_DEFAULT_REGION": "eu west"}, "eu west"),
        ({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_SQS": "sqs"}, "sqs"),
        ({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_PROFILE": "unknown"}, "unknown"),
    ],
)
def test_invalid_configuration_is_an_aws_call_error(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str, call: Any
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AwsCallError, match=reason) as error:
        call(AwsSession(), "sqs", "list_queues")
    assert error.value.code == ""


@pytest.mark.parametrize("endpoint", ["there", "http://[", "http://é"])
def test_malformed_endpoint_is_an_error_of_the_call(
    endpoint: str, region: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(AwsCallError, match=r"^s3: Invalid"):
        AwsSession().client("s3")
