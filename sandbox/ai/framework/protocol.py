"""AWS JSON 1.1 and REST protocols, validated with botocore's service models."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from botocore.model import OperationModel, StructureShape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.connectors.aws import aws_shapes
from headrace.sandbox import names
from headrace.sandbox.ai.framework import unsupported
from headrace.sandbox.ai.framework.aws_clients import CloudError
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.faults import Faults
from headrace.sandbox.ai.framework.ledger import LedgerCall
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext

CONTENT_TYPE = "application/x-amz-json-1.1"
REST_CONTENT_TYPE = "application/json"
SYNTHETIC = "x-headrace-synthetic"
ACCESS_DENIED = "AccessDeniedException"
CALLER = f"arn:aws:iam::{names.ACCOUNT}:root"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: HTTP status, JSON body and error code."""

    status: int
    body: bytes
    error: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


RequestHandler = Callable[[Request], Awaitable[Response]]
ReadRequest = Callable[[OperationModel, Service], Params]


class ProtocolServer:
    """Handles requests for all services by target header or REST path."""

    def __init__(self, services: Iterable[Service], context: ServiceContext, faults: Faults) -> None:
        self._context = context
        self._faults = faults
        self._all = tuple(services)
        prefixes = ((aws_shapes.service_model(one.name).metadata.get("targetPrefix"), one) for one in self._all)
        self._services = {prefix: one for prefix, one in prefixes if prefix}

    def routes(self) -> Iterator[Route]:
        """Yield the routes of REST operations, and one route for all other services."""
        yield Route("/", self.respond, methods=["POST"])
        for service in self._all:
            model = aws_shapes.service_model(service.name)
            if not _is_rest(service):
                continue
            for name in service.operations:
                http = model.operation_model(name).http
                # A path parameter may contain slashes, such as the ARN of a model.
                path = re.sub(r"\{(\w+)\}(?=/)", r"{\1:path}", http["requestUri"])
                yield Route(path, self._rest(service, name), methods=[http["method"]])

    async def respond(self, request: Request) -> Response:
        """Call `serve` in a worker thread and return its HTTP response."""
        target, body = request.headers.get("x-amz-target"), await request.body()
        if target is None:
            return await self.refuse(request)
        return _response(await run_in_threadpool(self.serve, target, body), CONTENT_TYPE)

    async def refuse(self, request: Request) -> Response:
        """Return the error for a call that no service has, in the protocol of the caller."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = unsupported.ReceivedCall(
            request.method, request.url.path, headers, request.url.query, await request.body()
        )
        names = (service.name for service in self._all if _is_rest(service))
        error = await run_in_threadpool(unsupported.answer, call, tuple(names))
        return Response(error.body, error.status, dict(error.headers))

    def serve(self, target: str, body: bytes) -> Reply:
        """Return the reply to one call: `target` is the header (`RekognitionService.DetectLabels`), `body` the JSON."""
        prefix, _, name = target.partition(".")
        service = self._services.get(prefix)
        if service is None or name not in service.operations:
            return _error_reply(ServiceError("UnknownOperationException", f"'{target}' is not served here."))
        return self._serve(service, name, partial(_read, body))

    def _rest(self, service: Service, name: str) -> RequestHandler:
        async def respond(request: Request) -> Response:
            body = await request.body()
            parameters = {**request.headers, **request.query_params, **request.path_params}
            reply = await run_in_threadpool(self._serve, service, name, partial(_read_rest, body, parameters))
            return _response(reply, REST_CONTENT_TYPE)

        return respond

    def _serve(self, service: Service, name: str, read: ReadRequest) -> Reply:
        operation = aws_shapes.service_model(service.name).operation_model(name)
        began, outcome = self._context.clock(), "ok"
        params: Params = {}
        answer: Params | None = None
        try:
            self._authorise(operation, service)
            params = read(operation, service)
            self._fail_before(operation, service)
            answer = self._act(params, operation, service)
            self._fail_after(operation, service)
            is_synthetic = name in service.synthetic and not service.is_real(answer)
            marks = {SYNTHETIC: "true"} if is_synthetic else {}
            status = int(operation.http.get("responseCode", 200))
            reply = Reply(status, _encoded(answer, operation), headers=marks)
        except ServiceError as error:
            outcome, reply = error.code, _error_reply(error, service)
        subject = service.subject(params, answer or {})
        seconds = self._context.clock() - began
        self._context.ledger.record(
            LedgerCall(began, service.name, name, subject, outcome, answer is not None, seconds)
        )
        return reply

    def _act(self, params: Params, operation: OperationModel, service: Service) -> Params:
        """Return the response of the operation; one that violates the model is an internal error."""
        try:
            answer = service.operations[operation.name](params, self._context)
            if service.wrong and (fault := self._faults.should_fail(operation.name, "wrong_answer")):
                answer = service.wrong(answer, fault.reason)
            wrong = list(aws_shapes.violations(answer, operation.output_shape)) if operation.output_shape else []
        except ServiceError:
            raise
        except CloudError as error:
            raise ServiceError(service.failure, str(error)) from error
        except Exception as error:  # any other exception is a server error, which clients retry
            log.exception("operation_failed operation=%s", operation.name)
            raise ServiceError(service.failure, "Internal failure.") from error
        if wrong:
            log.error("response_violates_model operation=%s reason=%s", operation.name, "; ".join(wrong))
            raise ServiceError(service.failure, "Internal failure.")
        return answer

    def _authorise(self, operation: OperationModel, service: Service) -> None:
        if self._faults.should_fail(operation.name, "deny"):
            signer = aws_shapes.service_model(service.name).signing_name
            raise ServiceError(
                ACCESS_DENIED,
                f"User: {CALLER} is not authorized to perform: {signer}:{operation.name} because no identity-based "
                f"policy allows the {signer}:{operation.name} action",
            )

    def _fail_before(self, operation: OperationModel, service: Service) -> None:
        if self._faults.should_fail(operation.name, "throttle"):
            raise ServiceError("ThrottlingException", "Rate exceeded")
        if self._faults.should_fail(operation.name, "error_500"):
            raise ServiceError(service.failure, "Injected failure before the effect.")

    def _fail_after(self, operation: OperationModel, service: Service) -> None:
        if self._faults.should_fail(operation.name, "error_after_effect"):
            raise ServiceError(service.failure, "Injected failure after the effect.")


def _read(body: bytes, operation: OperationModel, service: Service) -> Params:
    return _checked(_json(body), operation, service)


def _read_rest(body: bytes, parameters: dict[str, str], operation: OperationModel, service: Service) -> Params:
    """Read the members of a request from its path, query, headers and body. A payload is the body itself."""
    shape = operation.input_shape
    assert isinstance(shape, StructureShape), "every supported operation has input members"
    payload = shape.serialization.get("payload")
    given = {} if payload else _json(body)
    for name, member in shape.members.items():
        wire = aws_shapes.wire_name(name, member)
        sent = wire.lower() if member.serialization.get("location") == "header" else wire
        if member.serialization.get("location") in ("uri", "querystring", "header") and sent in parameters:
            value = parameters[sent]
            given[wire] = int(value) if member.type_name == "integer" and value.isdecimal() else value
    return _checked(given, operation, service) | ({payload: body} if payload else {})


def _encoded(answer: Params, operation: OperationModel) -> bytes:
    """Return the body of a response: its payload, or its members as JSON."""
    shape = operation.output_shape
    payload = shape.serialization.get("payload") if shape else None
    return answer[payload] if payload else aws_shapes.encode(answer, shape)


def _json(body: bytes) -> Params:
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", str(error)) from error
    if not isinstance(given, dict):
        raise ServiceError("SerializationException", "the request is not a JSON object")
    return given


def _checked(given: Params, operation: OperationModel, service: Service) -> Params:
    """Decode and validate the members of a request."""
    shape = operation.input_shape
    assert shape is not None, "every supported operation has input members"
    try:
        params: Params = aws_shapes.decode(given, shape)
    except ValueError as error:
        raise ServiceError("SerializationException", str(error)) from error
    broken = list(aws_shapes.violations(params, shape))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ServiceError(service.invalid, f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}")
    return params


def _is_rest(service: Service) -> bool:
    return str(aws_shapes.service_model(service.name).metadata["protocol"]).startswith("rest")


def _error_reply(error: ServiceError, service: Service | None = None) -> Reply:
    """Return an AWS error: 500 for a server fault, else 400; REST errors have their modelled status."""
    status = 500 if service and aws_shapes.is_fault(service.name, error.code) else 400
    if service and _is_rest(service):
        status = aws_shapes.status(service.name, error.code)
    body = {"__type": error.code, "Message": error.message, "message": error.message}
    return Reply(status, json.dumps(body).encode(), error.code)


def _response(reply: Reply, content_type: str) -> Response:
    headers = {"x-amzn-requestid": str(uuid4()), **reply.headers}
    if reply.error:
        headers["x-amzn-errortype"] = reply.error
    return Response(reply.body, reply.status, headers, content_type)
