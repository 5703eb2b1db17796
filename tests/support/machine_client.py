"""A boto3 client of Step Functions whose calls are answered in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from headrace.connectors.aws import aws_shapes
from headrace.console.machines.api import protocol
from headrace.console.machines.api.history import SERVICE
from headrace.console.machines.port import MachineServices
from headrace.schemas.parsing import parse_json


class _Body:
    """The raw body of a response."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._content


def machine_client(services: MachineServices) -> Any:
    """Return a client. Each response is checked against the model of botocore."""
    client = boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        config=Config(signature_version=UNSIGNED, inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )

    runner = asyncio.Runner()  # a new loop for each call takes longer than most calls

    def answer(request: Any, **_: Any) -> AWSResponse:
        target = request.headers["x-amz-target"]
        target = target.decode() if isinstance(target, bytes) else target
        response = runner.run(protocol.answer(target, request.body, services))
        check_response(target, response)
        headers = HTTPHeaders.from_dict({"content-type": protocol.CONTENT_TYPE})
        return AWSResponse(request.url, response.status, headers, _Body(response.body))

    client.meta.events.register("before-send.sfn", answer)
    return client


def check_response(target: str, response: protocol.WireAnswer) -> None:
    """Check a response against the model: its members and limits, or whether the operation has its error."""
    model = aws_shapes.service_model(SERVICE).operation_model(target.partition(".")[2])
    if response.error:
        known = {shape.name for shape in model.error_shapes} | {"ValidationException", "SerializationException"}
        assert response.error in known, f"{target} has no error {response.error}: {response.body!r}"
        return
    shape = model.output_shape
    assert shape is not None
    broken = list(aws_shapes.violations(aws_shapes.decode(parse_json(response.body), shape), shape))
    assert not broken, f"{target}: {broken}"
