"""Export the counts of AWS calls and of spans to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.schemas.tracing.aws_calls import CALLS, AwsCallCounts
from headrace.schemas.tracing.tracer import SpanCounts


class AwsCallCollector(Collector):
    """Exports the AWS calls of this process."""

    def __init__(self, counts: AwsCallCounts = CALLS) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Return the current counts."""
        calls = CounterMetricFamily(
            "headrace_aws_calls", "AWS calls by result", labels=["service", "operation", "result"]
        )
        for key, number in self._counts.read().items():
            calls.add_metric(key, number)
        yield calls


class SpanCollector(Collector):
    """Exports the spans of a tracer."""

    def __init__(self, counts: SpanCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Return the current counts."""
        exported = CounterMetricFamily("headrace_exported_spans", "Spans that an OTLP receiver accepted")
        exported.add_metric((), self._counts.exported)
        lost = CounterMetricFamily("headrace_lost_spans", "Spans that were not exported", labels=["reason"])
        lost.add_metric(["queue_full"], self._counts.queue_full)
        lost.add_metric(["export_failed"], self._counts.export_failed)
        return exported, lost
