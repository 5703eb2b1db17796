"""An OTLP receiver over HTTP, which keeps the spans that it receives."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.http_server import Request, Response, serving


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as the receiver parsed it. Ids are hexadecimal; links are pairs of trace and span id."""

    name: str
    service: str
    trace: str
    id: str
    parent: str
    kind: str
    error: str | None
    attributes: Mapping[str, Any]
    links: frozenset[tuple[str, str]]


@dataclass
class OtlpReceiver:
    """The spans so far, and how the receiver answers."""

    url: str = ""
    status: int = 200
    delay: threading.Event = field(default_factory=threading.Event)
    """The receiver answers once this is set."""
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.delay.set()

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        self.delay.wait(60)
        return Response(self.status)

    def spans(self) -> list[ReceivedSpan]:
        """Parse every span of the accepted requests."""
        return [span for request in list(self.requests) for span in _parse(request)]

    def find(self, name: str, trace: str = "") -> list[ReceivedSpan]:
        """Return the spans with a name, in one trace if it is given."""
        return [span for span in self.spans() if span.name == name and trace in ("", span.trace)]


@contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    """Run a receiver for the duration of the block."""
    receiver = OtlpReceiver()
    with serving(receiver.answer) as url:
        receiver.url = url
        yield receiver


def _parse(request: Request) -> Iterator[ReceivedSpan]:
    assert (request.path, request.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    body = gzip.decompress(request.body) if request.headers["content-encoding"] == "gzip" else request.body
    message: Any = ExportTraceServiceRequest.FromString(body)
    for resource in message.resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _received(span, service)


def _received(span: Any, service: str) -> ReceivedSpan:
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    return ReceivedSpan(
        span.name,
        service,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        span.status.message if span.status.code else None,
        _values(span.attributes),
        frozenset((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
