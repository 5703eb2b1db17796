"""The encoder of spans agrees with that of OpenTelemetry, and its exporter sends what it encodes."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from headrace.schemas.spans import Span, SpanContext, SpanRole
from headrace.schemas.tracing.otlp import OtlpExporter
from headrace.schemas.tracing.otlp_encoding import encode_request
from headrace.schemas.tracing.tracer import NoTracing
from tests.support.otlp_receiver import otlp_receiver


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


CONTEXTS = st.builds(SpanContext, ids(32), ids(16))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
VALUES = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
NAMES = st.sampled_from(["headrace.key", "headrace.topic", "headrace.outcome", "http.response.status_code", "é"])


KINDS: st.SearchStrategy[SpanRole] = st.sampled_from(get_args(SpanRole))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    parent = draw(st.none() | CONTEXTS)
    span = Span(draw(TEXTS), draw(KINDS), draw(CONTEXTS), parent, NoTracing(), draw(st.integers(0, 2**64 - 1)))
    span.end_ns = draw(st.integers(0, 2**64 - 1))
    span.attributes = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    span.links = draw(st.lists(CONTEXTS, max_size=3))
    span.error = draw(TEXTS)
    return span


@pytest.fixture(scope="module")
def exporter() -> OtlpExporter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.namespace=media")
        return OtlpExporter("headrace-test", "http://127.0.0.1:9")


@given(found=st.lists(spans(), min_size=1, max_size=5))
def test_encoded_spans_are_those_of_opentelemetry(exporter: OtlpExporter, found: list[Span]) -> None:
    expected = encode_spans([exporter._readable(span) for span in found])
    assert ExportTraceServiceRequest.FromString(encode_request(*exporter._header, found)) == expected


@pytest.mark.parametrize("sends_bytes", [True, False])
@pytest.mark.parametrize("status", [200, 400])
def test_spans_are_received_with_each_version_of_the_exporter(
    sends_bytes: bool, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = Span("scan process", "consumer", SpanContext("1" * 32, "2" * 16), None, NoTracing(), 1)
    span.end_ns, span.attributes = 2, {"headrace.key": "a\nb"}
    with otlp_receiver() as traces:
        traces.status = status
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", traces.url)
        exporter: Any = OtlpExporter("headrace-test", traces.url)
        assert exporter._sends_bytes, "a new version of the exporter: adapt `export`, which is slower without it"
        exporter._sends_bytes = sends_bytes
        assert exporter.export([span]) == (status == 200)
        [received] = traces.spans()
        exporter.close()
    assert (received.name, received.service, received.id) == ("scan process", "headrace-test", "2" * 16)
    assert received.attributes == {"headrace.key": "a\\nb"}
