"""TestState answers the recorded requests as AWS did."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.connectors.aws.aws_shapes import output_shape
from headrace.streams.machines.test_state import TestStateError, answer_request
from tests.support.asl_vectors import load_vectors

VECTORS = load_vectors("localstack-teststate")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MADE_UP = ("Id", "Name", "RoleArn", "StartTime", "EnteredTime")
"""Members of the context object whose values differ between accounts."""
PLACEHOLDERS = {
    "sfn_test_table_fb82144c": "table_name",
    "90d88ddb-7e7d-4a13-a8df-c87040ba973d": "uuid1",
    "1859bc3c-1460-4dae-95ec-931805fd1e53": "uuid1",
    "b6e2733e5062adaba6cc40ad1c806ef5": "<md5_of_message_body>",
    "https://sqs.fake.amazonaws.com/fake/test-queue": "https://sqs.region.amazonaws.com/111111111111/test-queue",
    "arn:aws:states:fake:fake:execution:TargetStateMachine:TestStartTarget": (
        "arn:partition:states:region:111111111111:execution:TargetStateMachine:TestStartTarget"
    ),
    "2026-11-28T18:39:42.760162": "start-date",
}
"""Values of requests that the recording replaced in the responses."""
ANSWERED = [vector for vector in VECTORS if "status" in vector["response"]]
REFUSED = [vector for vector in VECTORS if "status" not in vector["response"]]


def vector_name(vector: dict[str, Any]) -> str:
    return f"{vector['name'].rpartition('::')[2]}-{vector['request'].get('inspectionLevel')}"


def calls_a_function(vector: dict[str, Any]) -> bool:
    """Return whether AWS invoked a function, because the request has no mock."""
    definition = json.loads(vector["request"]["definition"])
    return definition.get("Type") == "Task" and "mock" not in vector["request"]


def comparable(value: Any, section: str = "") -> Any:
    """Return a value with JSON texts parsed, and without the names of an account."""
    if isinstance(value, str):
        try:
            return comparable(json.loads(value), section)
        except ValueError:
            return PLACEHOLDERS.get(value, value).replace("execute-api.fake.", "execute-api.region.")
    if isinstance(value, dict):
        is_context = section in ("Execution", "State", "StateMachine")
        return {key: "-" if is_context and key in MADE_UP else comparable(each, key) for key, each in value.items()}
    return [comparable(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", [each for each in ANSWERED if not calls_a_function(each)], ids=vector_name)
def test_answer_equals_that_of_aws(vector: dict[str, Any]) -> None:
    assert comparable(answer_request(vector["request"], NOW, output_shape)) == comparable(vector["response"])


@pytest.mark.parametrize("vector", REFUSED, ids=vector_name)
def test_refusal_equals_that_of_aws(vector: dict[str, Any]) -> None:
    response = vector["response"]
    with pytest.raises(TestStateError) as raised:
        answer_request(vector["request"], NOW, output_shape)
    code = response["Error"]["Code"] if "Error" in response else response["exception_typename"]
    message = response.get("message") or response["exception_value"].rpartition("TestState operation: ")[2]
    assert (raised.value.code, raised.value.message) == (code, message)


def test_six_requests_call_a_function() -> None:
    assert sum(map(calls_a_function, ANSWERED)) == 6
    assert len(VECTORS) == 164


def test_mocked_result_must_be_json() -> None:
    definition = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {}, "End": True}
    request = {"definition": json.dumps(definition), "mock": {"result": "{"}, "roleArn": "arn:aws:iam::1:role/r"}
    with pytest.raises(TestStateError, match=r"^Mocked result must be valid JSON$"):
        answer_request(request, NOW, output_shape)
