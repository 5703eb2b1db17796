"""One log line per record, and the counters of `/metrics`."""

from __future__ import annotations

import logging
import traceback
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import get_args

import structlog
from prometheus_client import Counter as Counting
from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Event
from headrace.schemas.spans import header_span
from headrace.streams.engine.outcome import Dead, Done, DoneReason, Outcome, label
from headrace.streams.engine.record_spans import describe_outcome
from headrace.streams.stage import Stage, charges_of

PAUSED = Gauge("headrace_stage_paused", "1 while the stage waits for an outage to end", ["stage"], registry=None)
SUSPECTED_DUPLICATES = Counting(
    "headrace_suspected_duplicate_job_starts",
    "Job starts that may repeat an earlier one",
    ["stage"],
    registry=None,
)
SETTLING_FAILURES = Counting(
    "headrace_settling_failures", "Errors while an outcome was settled", ["stage"], registry=None
)
STAGE_FAILURES = Counting("headrace_stage_failures", "Restarts of a stage after an error", ["stage"], registry=None)
LOST_RECORDS = Counting(
    "headrace_lost_records", "Records deleted before the stage read them", ["stage", "topic"], registry=None
)
COST = Counting("headrace_cost_usd", "US dollars of the calls behind new results", ["stage"], registry=None)
COUNTERS = (COST, LOST_RECORDS, PAUSED, SUSPECTED_DUPLICATES, SETTLING_FAILURES, STAGE_FAILURES)
"""Metrics of the engine. Not registered at import: `worker.health.serve` registers them."""
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, float("inf"))
"""Upper bounds of the duration histogram in seconds."""

_DONE = {how: (label(Done(how=how)), how) for how in get_args(DoneReason)}
"""Name and code of each kind of `Done`."""

log = structlog.get_logger("headrace")


def add_cost(stage: Stage, event: Event | None) -> None:
    """Count the charges of a new result of a stage that makes paid calls."""
    if event is not None and stage.paid_operations:
        COST.labels(stage.name).inc(sum(charge.usd for charge in charges_of(event)))


def origin_of(error: BaseException) -> str:
    """Return the file and line that raised an error. A whole traceback would show values of records."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""


class OutcomeCounts:
    """Outcome counters of one stage. Plain numbers, written by the event loop only."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}
        self.times = [0] * len(BOUNDS)
        self.seconds = 0.0

    def count(self, outcome_code: tuple[str, str], seconds: float) -> None:
        """Count one record by the name and the code of its outcome."""
        self.outcomes[outcome_code] = self.outcomes.get(outcome_code, 0) + 1
        self.times[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class OutcomeCollector(Collector):
    """Exports the outcomes of all stages to Prometheus."""

    def __init__(self) -> None:
        self.stages: dict[str, OutcomeCounts] = {}

    def of(self, stage: str) -> OutcomeCounts:
        """Return the counters of one stage. They live as long as the process."""
        return self.stages.setdefault(stage, OutcomeCounts())

    def collect(self) -> Iterable[Metric]:
        """Return the current counters."""
        records = CounterMetricFamily("headrace_records", "Records by outcome", None, ["stage", "outcome", "code"])
        times = HistogramMetricFamily(
            "headrace_record_duration_seconds", "From the first attempt to the durable outcome", labels=["stage"]
        )
        for stage, counts in self.stages.items():
            for (name, code), number in list(counts.outcomes.items()):
                records.add_metric([stage, name, code], number)
            buckets = zip(map(floatToGoString, BOUNDS), accumulate(counts.times), strict=True)
            times.add_metric([stage], list(buckets), counts.seconds)
        return records, times


OUTCOMES = OutcomeCollector()
"""Not registered at import: `worker.health.serve` registers it."""


class StageMetrics:
    """Counts and logs the outcomes of one stage."""

    def __init__(self, stage: str, quiet: bool = False) -> None:
        self._log = log.bind(stage=stage)
        self._outcomes = OUTCOMES.of(stage)
        self._levels = {Done: logging.DEBUG if quiet else logging.INFO, Dead: logging.WARNING}

    def record_outcome(self, record: ConsumerRecord, outcome: Outcome, seconds: float) -> None:
        """Count an outcome, and log it where its level is enabled. Never raises: the outcome is durable already."""
        try:
            self._record_outcome(record, outcome, seconds)
        except Exception as error:
            self._log.error("telemetry_failed", reason=repr(error))

    def _record_outcome(self, record: ConsumerRecord, outcome: Outcome, seconds: float) -> None:
        outcome_code = (
            _DONE[outcome.how] if isinstance(outcome, Done) else (label(outcome), getattr(outcome, "code", ""))
        )
        self._outcomes.count(outcome_code, seconds)
        describe_outcome(*outcome_code, getattr(outcome, "why", ""))
        level = self._levels.get(type(outcome), logging.INFO)
        if self._log.is_enabled_for(level):
            name, code = outcome_code
            self._log.log(
                level,
                name,
                key=(record.key or b"").decode(errors="replace"),
                record=f"{record.topic}/{record.partition}/{record.offset}",
                code=code,
                reason=getattr(outcome, "why", "") or None,
                duration_ms=round(seconds * 1000, 1),
                **_trace(record),
            )


def _trace(record: ConsumerRecord) -> dict[str, str]:
    """Return the trace that a record belongs to, also if no spans are recorded."""
    cause = header_span(record.headers)
    return {} if cause is None else {"trace_id": cause.trace_id}
