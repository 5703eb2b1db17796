"""Mocked results are compared with the API model, as the guide describes `fieldValidationMode`.

Source: Step Functions Developer Guide, "Testing state machines with TestState API".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.connectors.aws.aws_shapes import output_shape
from headrace.streams.machines.test_state import TestStateError, answer_request

PREFIX = "ValidationException: Mock result schema validation error: "
STARTED = {"ExecutionArn": "arn", "StartDate": "2026-01-01T00:00:00Z"}


def answered(api: str, result: Any, mode: str | None = None) -> str:
    """Return the status of a Task with a mocked result, or why the request is refused."""
    resource = f"arn:aws:states:::{api}"
    mock = {"result": json.dumps(result)} | ({} if mode is None else {"fieldValidationMode": mode})
    request = {"definition": json.dumps({"Type": "Task", "Resource": resource, "End": True}), "mock": mock}
    try:
        return str(answer_request(request, datetime(2026, 1, 1, tzinfo=UTC), output_shape)["status"])
    except TestStateError as error:
        return f"{error.code}: {error.message}".removeprefix(PREFIX)


@pytest.mark.parametrize(
    ("api", "result", "expected"),
    [
        ("sqs:sendMessage", {"MessageId": 5}, "Field 'MessageId' must be a string"),
        ("sqs:sendMessage", {"messageid": 5, "Other": []}, "SUCCEEDED"),
        ("sns:publish", {"MessageId": None}, "SUCCEEDED"),
        ("dynamodb:putItem", {"Attributes": []}, "Field 'Attributes' must be an object"),
        ("dynamodb:getItem", {"Item": {"id": {"BOOL": "yes"}}}, "Field 'BOOL' must be a boolean"),
        ("dynamodb:getItem", {"Item": {"id": {"S": "a"}, "l": {"L": [{"N": "1"}]}}}, "SUCCEEDED"),
        (
            "aws-sdk:rekognition:detectLabels",
            {"Labels": [{}, {"Confidence": True}]},
            "Field 'Confidence' must be a number",
        ),
        ("aws-sdk:rekognition:detectLabels", {"Labels": {}}, "Field 'Labels' must be an array"),
        (
            "aws-sdk:rekognition:detectLabels",
            {"Labels": [{"Confidence": 101}]},
            "Field 'Confidence' exceeds the maximum value",
        ),
        ("aws-sdk:sqs:listQueues", {"QueueUrls": ["a", 1]}, "Field 'QueueUrls' must be a string"),
        ("aws-sdk:nothing:doThis", {"a": 1}, "SUCCEEDED"),
        ("lambda:invoke", {"StatusCode": 200, "Payload": {"any": "JSON"}}, "SUCCEEDED"),
        ("lambda:invoke.waitForTaskToken", {"StatusCode": "200"}, "SUCCEEDED"),
        ("states:startExecution", STARTED, "SUCCEEDED"),
        ("states:startExecution", {"StartDate": "2026"}, "Required field 'ExecutionArn' is missing"),
    ],
)
def test_result_is_compared_with_the_api_model(api: str, result: Any, expected: str) -> None:
    assert answered(api, result) == expected


@pytest.mark.parametrize(
    ("mode", "result", "expected"),
    [
        ("STRICT", {}, "Required field 'ExecutionArn' is missing"),
        ("PRESENT", {}, "SUCCEEDED"),
        ("PRESENT", {"StartDate": 7}, "Field 'StartDate' must be a string"),
        ("NONE", {"StartDate": 7}, "SUCCEEDED"),
    ],
)
def test_mode_selects_the_checks(mode: str, result: Any, expected: str) -> None:
    assert answered("states:startExecution", result, mode) == expected
