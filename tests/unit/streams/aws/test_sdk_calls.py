"""Calls of any AWS action by botocore's model."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from headrace.streams.aws.error_codes import to_stage_error
from headrace.streams.aws.sdk_calls import SdkCalls
from headrace.streams.errors import ThrottledError
from headrace.streams.executions.tasks.ports import TaskError


class FakeAws:
    """An AWS client with one answer, and the real service models."""

    def __init__(self, answer: Any) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self._answer = answer

    async def model(self, service: str) -> Any:
        return botocore.session.get_session().get_service_model(service)

    async def request(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        self.requests.append((service, operation, parameters))
        if isinstance(self._answer, ClientError):
            raise to_stage_error(self._answer) from self._answer
        return self._answer

    async def run(self, work: Callable[[], Any]) -> Any:
        return work()


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "why"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r"},
    }
    return ClientError(response, "DetectLabels")


async def test_parameters_and_response_have_the_names_of_the_task() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    aws = FakeAws({"Job": {"Id": "1", "CreatedAt": moment}, "ResponseMetadata": {}})
    made = await SdkCalls(aws).call("mediaconvert", "createJob", {"Role": "r", "Settings": {"Inputs": []}}, "token")  # type: ignore[arg-type]
    [(service, operation, parameters)] = aws.requests
    assert (service, operation) == ("mediaconvert", "create_job")
    assert parameters == {"Role": "r", "Settings": {"Inputs": []}, "ClientRequestToken": "token"}
    assert made == {"Job": {"Id": "1", "CreatedAt": "2026-01-01T00:00:00Z"}}


async def test_content_of_a_response_is_read() -> None:
    aws = FakeAws({"Payload": io.BytesIO(b'{"x": 1}'), "StatusCode": 200})
    assert await SdkCalls(aws).call("lambda", "invoke", {"FunctionName": "f"}, "t") == {  # type: ignore[arg-type]
        "Payload": {"x": 1},
        "StatusCode": 200,
    }


@pytest.mark.parametrize(
    ("service", "action", "code", "expected"),
    [
        ("rekognition", "detectLabels", "InvalidImageFormat", "Rekognition.InvalidImageFormatException"),
        ("rekognition", "detectLabels", "AccessDeniedException", "Rekognition.AccessDeniedException"),
        ("dynamodb", "getItem", "ResourceNotFoundException", "DynamoDB.ResourceNotFoundException"),
    ],
)
async def test_error_is_named_as_by_aws(service: str, action: str, code: str, expected: str) -> None:
    with pytest.raises(TaskError) as failure:
        await SdkCalls(FakeAws(error(code))).call(service, action, {}, "t")  # type: ignore[arg-type]
    assert failure.value.error == expected
    assert failure.value.cause.startswith("why (Service: ")


async def test_throttled_call_is_repeated_by_the_stage() -> None:
    with pytest.raises(ThrottledError):
        await SdkCalls(FakeAws(error("ThrottlingException"))).call("rekognition", "detectLabels", {}, "t")  # type: ignore[arg-type]


async def test_unknown_action_is_an_error_of_the_task() -> None:
    with pytest.raises(TaskError, match="has no action"):
        await SdkCalls(FakeAws({})).call("s3", "nope", {}, "t")  # type: ignore[arg-type]
    with pytest.raises(TaskError, match="service nope"):
        await SdkCalls(_unknown()).call("nope", "nope", {}, "t")


def _unknown() -> Any:
    class Unknown(FakeAws):
        async def model(self, service: str) -> Any:
            raise ValueError("unknown service")

    return Unknown({})
