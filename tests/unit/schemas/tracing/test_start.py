"""Tracing starts as the standard variables say, exports to a real receiver, and never blocks."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from functools import partial

import pytest

from headrace.schemas.settings import SettingsError
from headrace.schemas.spans import current_span
from headrace.schemas.tracing.start import start_tracer
from headrace.schemas.tracing.tracer import NoTracing, Tracer, running_span
from tests.support.otlp_receiver import otlp_receiver
from tests.support.process import wait_for

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")


def record(tracer: Tracer, name: str = "work") -> None:
    with running_span(tracer, name, "internal", None):
        pass


def failed_exports(tracer: Tracer, number: int) -> bool:
    return tracer.counts.export_failed == number


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_traces_are_off_by_default(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tracer = start_tracer("test")
    assert isinstance(tracer, NoTracing)
    record(tracer)
    assert current_span() is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        (ENDPOINT, "localhost:4318"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
    ],
)
def test_error_names_the_invalid_variable(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        start_tracer("test")


def test_missing_extra_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "headrace.schemas.tracing.otlp", None)
    with pytest.raises(SettingsError, match=r"headrace\[otel\]"):
        start_tracer("test")


def test_vendor_is_not_imported_without_an_endpoint() -> None:
    code = (
        "import sys; from headrace.schemas.tracing.start import start_tracer; start_tracer('x');"
        "import headrace.streams.worker.host, headrace.connectors.bridge.service;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env={}, check=False).returncode == 0


def test_span_arrives_with_the_standard_resource_and_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    with otlp_receiver() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=media")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine")
        tracer = start_tracer("test")
        with contextlib.suppress(KeyError), running_span(tracer, "outer", "consumer", None) as outer:
            assert outer is not None
            outer.attributes["headrace.key"] = "a?X-Amz-Signature=" + "d" * 64
            with running_span(tracer, "inner", "internal", outer.context):
                raise KeyError
        tracer.close()
        inner, outer_received = receiver.spans()
    assert receiver.requests[0].headers["x-tenant"] == "media"
    assert (inner.service, inner.trace, inner.parent) == ("mine", outer_received.trace, outer_received.id)
    assert (outer_received.error, outer_received.kind, outer_received.parent) == ("KeyError", "consumer", "")
    assert "d" * 64 not in str(outer_received.attributes)


def test_slow_receiver_blocks_nothing_and_drops_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    with otlp_receiver() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        receiver.delay.clear()
        tracer = start_tracer("test")
        record(tracer)
        wait_for(lambda: receiver.requests, "the first export")
        began = time.thread_time()
        for _ in range(1000):
            record(tracer)
        assert time.thread_time() - began < 5
        assert tracer.counts.queue_full == 900
        receiver.delay.set()
        tracer.close()
        assert tracer.counts.exported == len(receiver.spans()) == 101


def test_receiver_that_is_down_is_logged_once_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    tracer = start_tracer("test")
    for number in range(1, 4):
        record(tracer)
        wait_for(partial(failed_exports, tracer, number), "the failed export")
    tracer.close()
    output = capsys.readouterr()
    lines = [line for line in (output.out + output.err).splitlines() if line]
    assert len(lines) == 1
    assert "dependency_unavailable" in lines[0]
    assert "http://127.0.0.1:9" in lines[0]


def test_exporter_that_raises_does_not_end_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with otlp_receiver() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        tracer = start_tracer("test")
        with running_span(tracer, "invalid", "internal", None) as span:
            assert span is not None
            span.kind = "unknown"  # type: ignore[assignment]
        wait_for(lambda: tracer.counts.export_failed, "the failed export")
        record(tracer)
        wait_for(lambda: receiver.find("work"), "the next export")
        tracer.close()
