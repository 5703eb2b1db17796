"""The dependencies of a runner, and a decoded record."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.records import Asset, Event
from headrace.schemas.serde.codec import Codec
from headrace.schemas.tracing.tracer import NoTracing, Tracer
from headrace.streams.costs.asset_budget import NO_LIMIT, BudgetLimits
from headrace.streams.costs.daily_budget import DailyBudget
from headrace.streams.costs.prices import PriceList
from headrace.streams.limits.job_slots import JobSlots
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.reuse import ReuseResources
from headrace.streams.services import Services


@dataclass(frozen=True, slots=True)
class RunnerContext:
    """The dependencies of a runner, including the clock and the random generator."""

    codec: Codec
    results: ResultsStore
    services: Services
    slots: JobSlots
    prices: PriceList
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    draw: random.Random = field(default_factory=random.Random)
    budget: BudgetLimits = NO_LIMIT
    day: DailyBudget | None = None
    """Today's spending, if a daily budget is set."""
    reuse: ReuseResources | None = None
    """Set if stages reuse results of identical content."""
    tracer: Tracer = field(default_factory=NoTracing)


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A decoded record: its event, its envelope, and the asset version that it belongs to."""

    event: Event
    envelope: EventMetadata
    asset: Asset
    partition: int
