"""What running a stage needs besides the stage and the record."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.schemas.cloudevents import Envelope
from headrace.schemas.records import Asset, Event
from headrace.schemas.serde.codec import Codec
from headrace.streams.costs.asset_budget import NO_LIMIT, Budget
from headrace.streams.costs.daily_budget import Day
from headrace.streams.limits.job_slots import Slots
from headrace.streams.results import Results
from headrace.streams.services import Services


@dataclass(frozen=True, slots=True)
class Context:
    """What the runner needs besides the stage and the record; time and chance are arguments."""

    codec: Codec
    results: Results
    services: Services
    slots: Slots
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    draw: random.Random = field(default_factory=random.Random)
    budget: Budget = NO_LIMIT
    day: Day | None = None
    """What is spent today, where a budget limits it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One record, opened: the event, who sent it, and which asset version it is about."""

    event: Event
    envelope: Envelope
    asset: Asset
    partition: int
