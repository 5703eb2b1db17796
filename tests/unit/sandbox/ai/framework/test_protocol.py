"""The protocol, without the network."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudUnreachableError
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.face_store import FaceStore
from headrace.sandbox.ai.framework.faults import Fault, Faults
from headrace.sandbox.ai.framework.job_runner import JobRunner, JobTools
from headrace.sandbox.ai.framework.ledger import JobSubject, Ledger
from headrace.sandbox.ai.framework.protocol import ProtocolServer
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext

TARGET = "RekognitionService.StartLabelDetection"
REQUEST = {"Video": {"S3Object": {"Bucket": "media", "Name": "a.mp4"}}, "ClientRequestToken": "token"}
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Line:
    """A wire to one operation that answers as the test says."""

    def __init__(self, answer: Callable[[Params, ServiceContext], Params]) -> None:
        self.faults, self.ledger = Faults(), Ledger(None)
        cloud = AwsClients(**KEYS)
        jobs = JobRunner({}, JobTools(self.ledger, cloud, self.faults, time.time, 0.0))
        service = Service(
            name="rekognition",
            invalid="ValidationException",
            failure="InternalServerError",
            operations={"StartLabelDetection": answer},
            jobs={},
            subject=lambda asked, said: JobSubject("media/a.mp4", asked.get("ClientRequestToken"), said.get("JobId")),
        )
        self.wire = ProtocolServer(
            [service], ServiceContext(cloud, jobs, self.ledger, time.time, FaceStore(None)), self.faults
        )

    def call(self, request: Any = REQUEST, target: str = TARGET) -> tuple[int, Any]:
        reply = self.wire.serve(target, request if isinstance(request, bytes) else json.dumps(request).encode())
        return reply.status, json.loads(reply.body)

    def refusal(self, request: Any = REQUEST, target: str = TARGET) -> tuple[int, str]:
        status, body = self.call(request, target)
        assert body["Message"]
        return status, body["__type"]

    def written(self) -> dict[str, Any]:
        (call,) = self.ledger.report({}, 10)["calls"]
        return dict(call)


@pytest.fixture
def line() -> Line:
    return Line(lambda _, __: {"JobId": "id-1"})


def raising(error: Exception) -> Line:
    def fail(_: Params, __: ServiceContext) -> Params:
        raise error

    return Line(fail)


def test_returns_and_records_a_call(line: Line) -> None:
    assert line.call() == (200, {"JobId": "id-1"})
    call = line.written()
    assert (call["service"], call["operation"], call["outcome"]) == ("rekognition", "StartLabelDetection", "ok")
    assert (call["asset"], call["token"], call["job_id"]) == ("media/a.mp4", "token", "id-1")


@pytest.mark.parametrize(
    "target", ["", "RekognitionService", "RekognitionService.Dance", "Textract.StartLabelDetection", "x.y.z"]
)
def test_unknown_target_is_an_unknown_operation(line: Line, target: str) -> None:
    assert line.refusal(target=target) == (400, "UnknownOperationException")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff", b'{"Video": "a.mp4"}', b'{"MinConfidence": "high"}'])
def test_malformed_body_is_a_serialization_error(line: Line, body: bytes) -> None:
    assert line.refusal(body) == (400, "SerializationException")


def test_request_that_violates_the_model_is_invalid(line: Line) -> None:
    assert line.refusal(REQUEST | {"ClientRequestToken": "x" * 65}) == (400, "ValidationException")
    _, body = line.call({"ClientRequestToken": "a b"})
    assert body["Message"].startswith("2 validation errors detected: Value null at 'video'")


def test_empty_body_is_an_empty_request(line: Line) -> None:
    assert line.refusal(b"") == (400, "ValidationException")


def test_ignores_unknown_members_of_a_request(line: Line) -> None:
    assert line.call(REQUEST | {"Colour": "red"})[0] == 200


@pytest.mark.parametrize("answer", [{"JobId": "id 1"}, {"JobId": 1}, {"JobId": "x" * 65}, {"Job": "id-1"}])
def test_response_that_violates_the_model_is_an_internal_error(
    answer: Params, caplog: pytest.LogCaptureFixture
) -> None:
    assert Line(lambda _, __: answer).refusal() == (500, "InternalServerError")
    assert "response_violates_model operation=StartLabelDetection" in caplog.text


def test_model_determines_the_status_of_an_error() -> None:
    assert raising(ServiceError("VideoTooLargeException", "Too large.")).refusal() == (400, "VideoTooLargeException")
    assert raising(ServiceError("ThrottlingException", "Slow down.")).refusal() == (500, "ThrottlingException")


def test_unreachable_dependency_is_an_internal_error() -> None:
    assert raising(CloudUnreachableError("no answer")).refusal() == (500, "InternalServerError")


def test_unexpected_exception_is_an_internal_error_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert raising(ZeroDivisionError()).refusal() == (500, "InternalServerError")
    assert "ZeroDivisionError" in caplog.text


def test_fault_before_the_effect_has_no_effect(line: Line) -> None:
    line.faults.add(Fault("StartLabelDetection", "throttle"))
    assert line.refusal() == (500, "ThrottlingException")
    assert (line.written()["outcome"], line.written()["took_effect"]) == ("ThrottlingException", 0)


def test_ledger_marks_a_fault_after_the_effect(line: Line) -> None:
    line.faults.add(Fault("*", "error_after_effect"))
    assert line.refusal() == (500, "InternalServerError")
    assert (line.written()["took_effect"], line.written()["job_id"]) == (1, "id-1")
