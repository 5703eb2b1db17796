"""The AWS JSON 1.1 protocol: requests in, answers and errors out, both held against botocore's service models."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from botocore.model import OperationModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sandbox.ai import shapes
from sandbox.ai.cloud import CloudError
from sandbox.ai.errors import ServiceError
from sandbox.ai.faults import Faults
from sandbox.ai.ledger import Call
from sandbox.ai.service import Context, Params, Service

CONTENT_TYPE = "application/x-amz-json-1.1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: HTTP status, JSON body, and the code of an error."""

    status: int
    body: bytes
    error: str | None = None


class Wire:
    """Answers calls of all services, by the `X-Amz-Target` header."""

    def __init__(self, services: Iterable[Service], context: Context, faults: Faults) -> None:
        self._context = context
        self._faults = faults
        self._services = {shapes.service_model(one.name).metadata["targetPrefix"]: one for one in services}

    async def respond(self, request: Request) -> Response:
        """The HTTP face of `serve`; the event loop only waits."""
        target, body = request.headers.get("x-amz-target", ""), await request.body()
        reply = await run_in_threadpool(self.serve, target, body)
        headers = {"x-amzn-requestid": str(uuid4())}
        if reply.error:
            headers["x-amzn-errortype"] = reply.error
        return Response(reply.body, reply.status, headers, CONTENT_TYPE)

    def serve(self, target: str, body: bytes) -> Reply:
        """Answer one call: `target` is the header (`RekognitionService.DetectLabels`), `body` the JSON."""
        prefix, _, name = target.partition(".")
        service = self._services.get(prefix)
        if service is None or name not in service.operations:
            return _refusal(ServiceError("UnknownOperationException", f"'{target}' is not served here."))
        operation = shapes.service_model(service.name).operation_model(name)
        began, outcome = self._context.clock(), "ok"
        params: Params = {}
        answer: Params | None = None
        try:
            params = _read(body, operation, service)
            self._strike_before(operation, service)
            answer = self._act(params, operation, service)
            self._strike_after(operation, service)
            reply = Reply(200, shapes.encode(answer))
        except ServiceError as error:
            outcome, reply = error.code, _refusal(error, service)
        subject = service.subject(params, answer or {})
        seconds = self._context.clock() - began
        self._context.ledger.record(Call(began, service.name, name, subject, outcome, answer is not None, seconds))
        return reply

    def _act(self, params: Params, operation: OperationModel, service: Service) -> Params:
        """The answer of the operation, which keeps to its model or is a fault of ours."""
        try:
            answer = service.operations[operation.name](params, self._context)
            wrong = list(shapes.violations(answer, operation.output_shape)) if operation.output_shape else []
        except ServiceError:
            raise
        except CloudError as error:
            raise ServiceError(service.failure, str(error)) from error
        except Exception as error:  # whatever it is, the caller gets an answer that it can retry
            log.exception("%s failed", operation.name)
            raise ServiceError(service.failure, "Internal failure.") from error
        if wrong:
            log.error("the answer of %s breaks its model: %s", operation.name, "; ".join(wrong))
            raise ServiceError(service.failure, "Internal failure.")
        return answer

    def _strike_before(self, operation: OperationModel, service: Service) -> None:
        if self._faults.strike(operation.name, "throttle"):
            raise ServiceError("ThrottlingException", "Rate exceeded")
        if self._faults.strike(operation.name, "error_500"):
            raise ServiceError(service.failure, "Injected failure before the effect.")

    def _strike_after(self, operation: OperationModel, service: Service) -> None:
        if self._faults.strike(operation.name, "error_after_effect"):
            raise ServiceError(service.failure, "Injected failure after the effect.")


def _read(body: bytes, operation: OperationModel, service: Service) -> Params:
    shape = operation.input_shape
    assert shape is not None, "every operation that is served takes members"
    try:
        params: Params = shapes.decode(json.loads(body or b"{}"), shape)
    except ValueError as error:
        raise ServiceError("SerializationException", str(error)) from error
    broken = list(shapes.violations(params, shape))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ServiceError(service.invalid, f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}")
    return params


def _refusal(error: ServiceError, service: Service | None = None) -> Reply:
    """An error as AWS sends it: 500 where the model calls it a fault of the service, else 400."""
    status = 500 if service and shapes.is_fault(service.name, error.code) else 400
    return Reply(status, json.dumps({"__type": error.code, "Message": error.message}).encode(), error.code)
