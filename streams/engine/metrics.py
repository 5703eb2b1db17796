"""One canonical log line a record, and the counters behind `/metrics`."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import get_args

import structlog
from prometheus_client import REGISTRY, Gauge
from prometheus_client import Counter as Counting
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.outcome import Dead, Done, DoneReason, Outcome, label

PAUSED = Gauge("headrace_stage_paused", "1 while the stage waits for an outage to end", ["stage"])
SUSPECTED_DUPLICATES = Counting(
    "headrace_possible_duplicate_calls", "Starts of a job that an earlier try may have started already", ["stage"]
)
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, float("inf"))
"""Upper bounds, in seconds, of the classes into which times are counted."""

_DONE = {how: (label(Done(how=how)), how) for how in get_args(DoneReason)}
"""Words and codes of what most records end with."""

log = structlog.get_logger("headrace")


class OutcomeCounts:
    """What became of one stage's records. Plain numbers, written by the event loop alone: they cost next to nothing."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}
        self.times = [0] * len(BOUNDS)
        self.seconds = 0.0

    def count(self, ending: tuple[str, str], seconds: float) -> None:
        """Count one record by the word and the code for how it ended."""
        self.outcomes[ending] = self.outcomes.get(ending, 0) + 1
        self.times[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class OutcomeCollector(Collector):
    """Gives Prometheus the endings of all stages when it asks."""

    def __init__(self) -> None:
        self.stages: dict[str, OutcomeCounts] = {}

    def of(self, stage: str) -> OutcomeCounts:
        """Give the endings of one stage, which last as long as the process."""
        return self.stages.setdefault(stage, OutcomeCounts())

    def collect(self) -> Iterable[Metric]:
        """Give the present numbers."""
        records = CounterMetricFamily(
            "headrace_records", "Records by how they ended", None, ["stage", "outcome", "code"]
        )
        times = HistogramMetricFamily("headrace_record_seconds", "From first try to durable outcome", labels=["stage"])
        for stage, endings in self.stages.items():
            for (word, code), number in list(endings.outcomes.items()):
                records.add_metric([stage, word, code], number)
            buckets = zip(map(floatToGoString, BOUNDS), accumulate(endings.times), strict=True)
            times.add_metric([stage], list(buckets), endings.seconds)
        return records, times


OUTCOMES = OutcomeCollector()
REGISTRY.register(OUTCOMES)


class StageMetrics:
    """Counts one stage's records as they end, and says each in one line."""

    def __init__(self, stage: str) -> None:
        self._log = log.bind(stage=stage)
        self._endings = OUTCOMES.of(stage)

    def record_outcome(self, received: ConsumerRecord, outcome: Outcome, seconds: float) -> None:
        """Note a record's outcome. Nothing of the line is made where its level is not wanted."""
        ending = _DONE[outcome.how] if isinstance(outcome, Done) else (label(outcome), getattr(outcome, "code", ""))
        self._endings.count(ending, seconds)
        level = logging.WARNING if isinstance(outcome, Dead) else logging.INFO
        if self._log.is_enabled_for(level):
            word, code = ending
            self._log.log(
                level,
                word,
                key=(received.key or b"").decode(errors="replace"),
                record=f"{received.topic}/{received.partition}/{received.offset}",
                code=code,
                why=getattr(outcome, "why", "") or None,
                ms=round(seconds * 1000, 1),
            )
