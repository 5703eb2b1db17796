"""Serve `/metrics` for Prometheus and the probes `/live` and `/ready` on one HTTP port.

Live: the event loop is not blocked and every consumer was polled recently. Ready: every stage runs. A worker without
partitions is live and ready.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.redaction import redact
from headrace.schemas.runtime import metrics_server
from headrace.schemas.tracing.collectors import AwsCallCollector, SpanCollector
from headrace.schemas.tracing.tracer import SpanCounts
from headrace.streams.engine import metrics
from headrace.streams.engine.scheduler import KeyedScheduler
from headrace.streams.engine.scheduler_stats import SchedulerStats

LOOP_SECONDS = 10.0
POLL_SECONDS = 120.0


@dataclass(slots=True)
class HealthState:
    """The state of the process. The event loop writes it, the HTTP thread reads it."""

    schedulers: dict[str, KeyedScheduler]
    last_heartbeat: float
    ready: bool = False
    waiting_for: str = ""
    """What the worker reads before its stages start."""
    failed_stages: dict[str, str] = field(default_factory=dict)
    """The error of each stage that failed and is not running again yet."""
    followers: Sequence[TopicFollower] = ()

    def not_ready(self) -> list[str]:
        """List why the worker does not do all of its work."""
        if not self.ready:
            return [f"starting: {self.waiting_for}" if self.waiting_for else "starting"]
        failed = [f"{name}: {reason}" for name, reason in list(self.failed_stages.items())]
        return failed + [problem for follower in self.followers if (problem := follower.problem())]

    def problems(self, now: float) -> list[str]:
        """List the failed liveness checks."""
        since = {name: now - scheduler.stats.last_poll for name, scheduler in list(self.schedulers.items())}
        slow = [f"{name}: not polled for {seconds:.0f} s" for name, seconds in since.items() if seconds > POLL_SECONDS]
        blocked = now - self.last_heartbeat
        return slow + ([f"event loop blocked for {blocked:.0f} s"] if blocked > LOOP_SECONDS else [])


GAUGES: Sequence[tuple[str, str, Callable[[SchedulerStats], float]]] = (
    ("headrace_in_flight_records", "Running records", SchedulerStats.in_flight_records),
    (
        "headrace_uncommitted_records",
        "Delivered records without a durable outcome",
        SchedulerStats.uncommitted_records,
    ),
    ("headrace_pending_retries", "Delivered records that are not due yet", lambda stats: stats.pending_retries),
    (
        "headrace_oldest_in_flight_seconds",
        "Seconds since the longest-running record started",
        SchedulerStats.oldest_in_flight_seconds,
    ),
    (
        "headrace_uncommitted_offsets",
        "Offsets between the committable and the delivered position",
        SchedulerStats.uncommitted_offsets,
    ),
    ("headrace_lag_seconds", "Age of the oldest record without a durable outcome", SchedulerStats.lag_seconds),
)


class StageGauges(Collector):
    """Reads the schedulers on each scrape."""

    def __init__(self, health: HealthState) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Return the gauges of every hosted stage."""
        for name, text, read in GAUGES:
            family = GaugeMetricFamily(name, text, labels=["stage"])
            for stage, scheduler in list(self._health.schedulers.items()):
                family.add_metric([stage], read(scheduler.stats))
            yield family
        skipped = GaugeMetricFamily("headrace_skipped_records", "Unreadable control records", labels=["topics"])
        for follower in self._health.followers:
            skipped.add_metric([follower.name], len(follower.skipped()))
        yield skipped


def serve(
    health: HealthState, port: int, host: str = "127.0.0.1", spans: SpanCounts | None = None
) -> Callable[[], None]:
    """Serve in a thread until the returned function is called. `spans` are those of the tracer.

    Raises:
        SettingsError: the address cannot be used.
    """
    of_process = AwsCallCollector(), SpanCollector(spans or SpanCounts())
    collectors = (StageGauges(health), metrics.OUTCOMES, *metrics.COUNTERS, *of_process)
    pages = {"/live": partial(_live, health), "/ready": partial(_ready, health)}
    return metrics_server.serve(port, host, collectors, pages)


def _live(health: HealthState) -> tuple[int, str]:
    problems = "; ".join(health.problems(time.monotonic()))
    return (503 if problems else 200), problems or "live"


def _ready(health: HealthState) -> tuple[int, str]:
    reasons = redact("; ".join(health.not_ready()))
    return (503 if reasons else 200), reasons or "ready"
