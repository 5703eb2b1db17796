"""Answer calls that no service here has, in the error shape of the caller's protocol, naming the operation.

Source: Smithy 2.0, "AWS protocols": how each protocol names an operation and encodes an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs
from uuid import uuid4
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel, StructureShape

from headrace.connectors.aws import aws_shapes

UNKNOWN = "UnknownOperationException"

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9-]+)/aws4_request")
_SAME_SIGNING_NAME = {"bedrock": ("bedrock-runtime", "bedrock"), "email": ("ses",), "monitoring": ("cloudwatch",)}
_RPC_V2 = re.compile(r"/service/[^/]+/operation/(\w+)")


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """An HTTP request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """A response with an error."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _RestOperation:
    """A REST operation: its HTTP method, the template and the pattern of its path, and its required headers."""

    name: str
    method: str
    template: str
    pattern: re.Pattern[str]
    headers: frozenset[str]


def answer(call: ReceivedCall, rest_services: Iterable[str]) -> ErrorResponse:
    """Return the error for a call that is not served; `rest_services` are those of calls without a signature."""
    if target := call.headers.get("x-amz-target"):
        return _json(400, target, call.headers.get("content-type", "application/x-amz-json-1.1"))
    if match := _RPC_V2.fullmatch(call.path):
        return _cbor(match[1])
    form = parse_qs(call.body.decode(errors="replace")) if "form" in call.headers.get("content-type", "") else {}
    if action := (form.get("Action") or parse_qs(call.query).get("Action")):
        return _query(action[0])
    scope = _SCOPE.search(call.headers.get("authorization", ""))
    names = _SAME_SIGNING_NAME.get(scope[1], (scope[1],)) if scope else tuple(rest_services)
    models = list(_models(names))
    operation = next((name for model in models if (name := _operation(model, call))), f"{call.method} {call.path}")
    if any(model.metadata["protocol"] == "rest-xml" for model in models):
        return _rest_xml(operation, is_s3=names == ("s3",))
    if any(model.metadata["protocol"] == "query" for model in models):
        return _query(operation)
    return _json(404, operation, "application/json")


def _models(names: Iterable[str]) -> Iterator[ServiceModel]:
    for name in names:
        try:
            yield aws_shapes.service_model(name)
        except UnknownServiceError:
            continue


def _operation(model: ServiceModel, call: ReceivedCall) -> str | None:
    """Return the operation of a REST call; of several, the one with the longest path and the most required headers."""
    matching = [
        operation
        for operation in _rest_operations(model.service_name)
        if operation.method == call.method
        and operation.pattern.fullmatch(call.path)
        and _has_query(operation.template, call.query)
    ]

    def preference(operation: _RestOperation) -> tuple[int, bool, int, int]:
        is_complete = operation.headers <= call.headers.keys()
        return len(operation.template), is_complete, len(operation.headers), -len(operation.name)

    best = max(matching, key=preference, default=None)
    return best.name if best else None


def _has_query(template: str, query: str) -> bool:
    """Return whether a query has the names that a path of S3 such as `/{Bucket}?tagging` needs."""
    needed = [part.partition("=")[0] for part in template.partition("?")[2].split("&") if part]
    return set(needed) <= set(parse_qs(query, keep_blank_values=True))


@cache
def _rest_operations(service: str) -> tuple[_RestOperation, ...]:
    model = aws_shapes.service_model(service)
    operations = (model.operation_model(name) for name in model.operation_names)
    return tuple(
        _RestOperation(
            name=operation.name,
            method=operation.http["method"],
            template=operation.http["requestUri"],
            pattern=_pattern(operation.http["requestUri"]),
            headers=_required_headers(operation),
        )
        for operation in operations
        if operation.http.get("requestUri")
    )


def _required_headers(operation: OperationModel) -> frozenset[str]:
    """Return the headers, in lower case, without which a call is another operation with the same path."""
    shape = operation.input_shape
    if not isinstance(shape, StructureShape):
        return frozenset()
    members = (shape.members[name].serialization for name in shape.required_members)
    return frozenset(member["name"].lower() for member in members if member.get("location") == "header")


def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of a path template: `{Name}` is a segment, `{Key+}` the rest of the path."""
    parts = re.split(r"(\{\w+\+?\})", template.partition("?")[0].rstrip("/") or "/")
    literal = "".join(
        (".+" if part.endswith("+}") else ".+?") if part.startswith("{") else re.escape(part) for part in parts
    )
    return re.compile(f"{literal}/?")


def _message(operation: str) -> str:
    return f"{operation} is not supported by this local endpoint."


def _json(status: int, operation: str, content_type: str) -> ErrorResponse:
    body = json.dumps({"__type": UNKNOWN, "Message": _message(operation), "message": _message(operation)})
    return _response(status, content_type, body.encode(), {"x-amzn-errortype": UNKNOWN})


def _query(operation: str) -> ErrorResponse:
    error = f"<Type>Sender</Type><Code>InvalidAction</Code><Message>{escape(_message(operation))}</Message>"
    body = f"<ErrorResponse><Error>{error}</Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    return _response(400, "text/xml", body.encode())


def _rest_xml(operation: str, is_s3: bool) -> ErrorResponse:
    """Return an error as XML; that of S3 has no wrapper."""
    code = "NotImplemented" if is_s3 else UNKNOWN
    error = f"<Code>{code}</Code><Message>{escape(_message(operation))}</Message>"
    if is_s3:
        return _response(501, "application/xml", f"<Error>{error}<RequestId>{uuid4()}</RequestId></Error>".encode())
    body = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    return _response(404, "text/xml", body.encode())


def _cbor(operation: str) -> ErrorResponse:
    """Return an error as CBOR. Source: RFC 8949, 3: a map of two pairs of texts."""
    texts = ("__type", UNKNOWN, "message", _message(operation))
    body = b"\xa2" + b"".join(b"\x79" + len(text.encode()).to_bytes(2) + text.encode() for text in texts)
    return _response(400, "application/cbor", body, {"smithy-protocol": "rpc-v2-cbor"})


def _response(status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> ErrorResponse:
    common = {"content-type": content_type, "x-amzn-requestid": str(uuid4())}
    return ErrorResponse(status, {**common, **(headers or {})}, body)
