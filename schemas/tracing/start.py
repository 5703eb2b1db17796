"""Start the tracer of a process, as the environment says. OpenTelemetry is imported only if traces are exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.schemas.settings import SettingsError, load
from headrace.schemas.tracing.recorder import QueueLimits, RecordingTracer
from headrace.schemas.tracing.sampler import sampler
from headrace.schemas.tracing.settings import TracingSettings
from headrace.schemas.tracing.tracer import NoTracing, Tracer

REMEDY = "traces need the extra `otel`: run pip install 'headrace[otel]', or unset the variables OTEL_*"


@contextmanager
def tracing(service: str) -> Iterator[Tracer]:
    """Run the body with the tracer of a process, whose last spans are exported at the end.

    Raises:
        SettingsError: As `start_tracer`.
    """
    tracer = start_tracer(service)
    try:
        yield tracer
    finally:
        tracer.close()


def start_tracer(service: str) -> Tracer:
    """Return a tracer that exports to an OTLP receiver, or one without effect if no receiver is set.

    Raises:
        SettingsError: A variable is invalid, or the extra `otel` is not installed.
    """
    settings = load(TracingSettings)
    if not settings.is_enabled:
        return NoTracing()
    try:
        from headrace.schemas.tracing.otlp import OtlpExporter
    except ImportError as error:
        raise SettingsError(REMEDY) from error
    limits = QueueLimits(
        settings.bsp_max_queue_size,
        min(settings.bsp_max_export_batch_size, settings.bsp_max_queue_size),
        settings.bsp_schedule_delay / 1000,
    )
    samples = sampler(settings.traces_sampler, settings.traces_sampler_arg)
    return RecordingTracer(OtlpExporter(service, settings.endpoint), samples, limits)
