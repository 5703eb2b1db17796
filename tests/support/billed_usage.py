"""What the stages of a pipeline called and charged for the records on the log, and what was forecast for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.console.capacity.calls import ai_calls
from headrace.console.kafka.log_reader import LogReader
from headrace.console.pipeline.fan_out import StageDelivery, StageFilters
from headrace.schemas.topics import topic_of
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList, operation_of
from headrace.streams.stage import Stage, charges_of

READS = ("Get", "List", "Describe", "Create")
"""Prefixes of operations that are not billed: status requests, and the creation of a collection."""


@dataclass
class BilledUsage:
    """US dollars by stage, and calls by operation, such as `TranslateText`: forecast, and on the log or at AWS."""

    forecast_usd: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    charged_usd: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    forecast_calls: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)


def billed_usage(
    log: LogReader, stages: Sequence[Stage], prices: PriceList, calls: Iterable[Mapping[str, Any]]
) -> BilledUsage:
    """Forecast every record that a paid stage has processed, and add up its charges and the calls of a ledger."""
    usage, filters = BilledUsage(), StageFilters(stages)
    paid = {stage.name: stage for stage in stages if stage.paid_operations and stage.writes}
    names = {topic.name for stage in paid.values() for topic in (*stage.reads, stage.writes) if topic}
    events = {entry.envelope.id: entry for entry in log.read(names) if entry.event is not None and entry.envelope}
    for entry in events.values():
        assert entry.event is not None
        assert entry.envelope is not None
        if writer := paid.get(entry.envelope.source.removeprefix("headrace/")):
            usage.charged_usd[writer.name] += sum(charge.usd for charge in charges_of(entry.event))
        for stage in paid.values():
            if topic_of(entry.event) in stage.reads and filters.accepts(stage, entry.event):
                delivery = StageDelivery(stage, entry.event, filters.starts_job(stage, entry.event))
                usage.forecast_usd[stage.name] += estimate(stage, entry.event, prices) or 0.0
                for name, count in ai_calls(delivery).items():
                    usage.forecast_calls[operation_of(name.partition(".")[2])] += count
    usage.calls += Counter(call["operation"] for call in calls if call["outcome"] == "ok")
    for counted in (usage.forecast_calls, usage.calls):
        for name in [name for name in counted if name.startswith(READS)]:
            del counted[name]
    return usage
