"""AWS calls are counted, and are child spans of the current span without parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from headrace.schemas.spans import Span
from headrace.schemas.tracing.aws_calls import AwsCallCounts, observe
from headrace.schemas.tracing.tracer import running_span
from tests.support.http_server import Request, Response, serving
from tests.support.recorded_spans import recording

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


def client(url: str, counts: AwsCallCounts) -> Any:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    made = boto3.client(
        "s3", "us-east-1", endpoint_url=url, aws_access_key_id="AKIA0", aws_secret_access_key="s3cr3t", config=config
    )
    observe(made, counts)
    return made


def call(answer: Callable[[Request], Response] | None) -> tuple[AwsCallCounts, Span, Span]:
    """Call GetObject in a span; return the counts, the child and the parent. Without an answer there is no server."""
    counts = AwsCallCounts()
    with recording() as (tracer, ended):
        with running_span(tracer, "work", "consumer", None):
            if answer is None:
                with pytest.raises(BotoCoreError):
                    client("http://127.0.0.1:9", counts).get_object(Bucket="media", Key="private-key")
            else:
                with serving(answer) as url:
                    _get(client(url, counts))
        child, parent = ended()
    return counts, child, parent


def _get(s3: Any) -> None:
    with contextlib.suppress(ClientError):
        s3.get_object(Bucket="media", Key="private-key")


def test_call_is_a_child_span_with_service_operation_and_status() -> None:
    counts, child, parent = call(lambda _: Response(200, b"content"))
    assert (child.name, child.kind, child.error) == ("S3.GetObject", "client", "")
    assert (child.context.trace_id, child.parent_id) == (parent.context.trace_id, parent.context.span_id)
    assert child.attributes == {"http.response.status_code": 200}
    assert counts.read() == {("s3", "GetObject", "ok"): 1}


def test_throttled_call_has_the_error_code() -> None:
    counts, child, _ = call(lambda _: Response(503, SLOW_DOWN))
    assert (child.error, child.attributes["error.type"]) == ("SlowDown", "SlowDown")
    assert child.attributes["http.response.status_code"] == 503
    assert counts.read() == {("s3", "GetObject", "throttled"): 1}


def test_call_without_a_response_has_the_class_of_the_error() -> None:
    counts, child, _ = call(None)
    assert child.attributes["error.type"] == "EndpointConnectionError"
    assert counts.read() == {("s3", "GetObject", "unreachable"): 1}


def test_call_outside_of_a_span_is_only_counted() -> None:
    counts = AwsCallCounts()
    with recording() as (_, ended):
        with serving(lambda _: Response(200, b"content")) as url:
            client(url, counts).get_object(Bucket="media", Key="k")
        assert ended() == []
    assert counts.read() == {("s3", "GetObject", "ok"): 1}
