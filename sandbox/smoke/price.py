"""Estimate the price of a smoke test before it starts: every enabled stage, for every sample file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.console.pipeline.media_kinds import kind_of, ready_media
from headrace.console.pipeline.tables import cost_of, transcribed_words
from headrace.schemas.records import Event
from headrace.streams.costs.prices import PriceList
from headrace.streams.stage import Stage

MEDIA = Mapping[str, float | None]
SAMPLES: MEDIA = {"bottles.jpg": None, "rabbit.mp4": 60.0, "jfk.flac": 60.0}
"""The sample files, with more seconds than they have: services round up to their smallest billed unit."""

WORDS = 250
"""More words than any text of the samples has."""


@dataclass(frozen=True, slots=True)
class SmokePrice:
    """US dollars by stage, at most, and the stages whose price is unknown."""

    by_stage: Mapping[str, float]
    unknown: tuple[str, ...]

    @property
    def usd(self) -> float:
        """Return the sum in US dollars."""
        return sum(self.by_stage.values())


def smoke_price(stages: Sequence[Stage], prices: PriceList) -> SmokePrice:
    """Return the highest price of a smoke test at the list prices. A text stage may run for each file."""
    records: list[Event] = [ready_media(kind_of(name), seconds) for name, seconds in SAMPLES.items()]
    records += [transcribed_words(WORDS)] * len(SAMPLES)
    by_stage: dict[str, float] = {}
    unknown = []
    for stage in stages:
        costs = [cost_of(stage, record, prices) for record in records] if stage.paid_operations else []
        if "?" in costs:
            unknown.append(stage.name)
        elif usd := sum(each for each in costs if isinstance(each, float)):
            by_stage[stage.name] = usd
    return SmokePrice(by_stage, tuple(unknown))
