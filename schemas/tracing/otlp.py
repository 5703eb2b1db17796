"""Export spans by OTLP over HTTP. The only user of OpenTelemetry; the SDK reads its other variables itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from headrace.schemas import spans
from headrace.schemas.safe_text import safe_text
from headrace.schemas.tracing.otlp_encoding import OWN, encode_request

_KINDS: dict[spans.SpanRole, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET = Status(StatusCode.UNSET)


class OtlpExporter:
    """`recorder.SpanExporter` over OpenTelemetry's exporter. Text is redacted as in logs."""

    def __init__(self, service: str, endpoint: str) -> None:
        """Create the exporter; `service` is the service name unless a variable sets another.

        The SDK reads the endpoint from the environment too; here it is for log lines.
        """
        self.endpoint = endpoint
        # `OutageLog` reports outages once; the SDK would log every failed attempt.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        own = Resource.create({"service.name": service, "service.version": version("headrace")})
        self._resource = own.merge(OTELResourceDetector().detect())
        self._scope = InstrumentationScope("headrace", version("headrace"))
        self._exporter: Any = OTLPSpanExporter()
        self._sends_bytes = hasattr(getattr(self._exporter, "_client", None), "export")
        """Whether this version of OpenTelemetry has what sends encoded spans: it is not part of its API."""
        [encoded] = encode_spans([self._empty()]).resource_spans
        self._header = encoded.resource.SerializeToString(), encoded.scope_spans[0].scope.SerializeToString()

    def export(self, spans: Sequence[spans.Span]) -> bool:
        """Send spans and return whether they were accepted."""
        if self._sends_bytes:
            return bool(self._exporter._client.export(encode_request(*self._header, spans)).success)
        return self._exporter.export([self._readable(span) for span in spans]) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Abort a running export."""
        self._exporter.shutdown()

    def _empty(self) -> ReadableSpan:
        """Return a span whose encoding has the resource and the scope."""
        context = _context("1" * 32, "1" * 16)
        return ReadableSpan(name="", context=context, resource=self._resource, instrumentation_scope=self._scope)

    def _readable(self, span: spans.Span) -> ReadableSpan:
        context = span.context
        attributes = {
            name: value if name in OWN or not isinstance(value, str) else safe_text(value)
            for name, value in span.attributes.items()
        }
        return ReadableSpan(
            name=span.name,
            context=_context(context.trace_id, context.span_id),
            parent=_context(context.trace_id, span.parent_id) if span.parent_id else None,
            resource=self._resource,
            attributes=attributes,
            links=[Link(_context(each.trace_id, each.span_id)) for each in span.links],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR, safe_text(span.error)) if span.error else _UNSET,
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


def _context(trace_id: str, span_id: str) -> SpanContext:
    trace, span = (int.from_bytes(bytes.fromhex(each)) for each in (trace_id, span_id))
    return SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED)
