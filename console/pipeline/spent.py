"""Add up the cost of the results on the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.projection import AssetProjection
from headrace.schemas.ids import asset_key
from headrace.schemas.records import Asset
from headrace.streams.stage import charges_of

CostGroup = Literal["stage", "asset", "day"]

_NAMES: dict[CostGroup, Callable[[Asset, AssetEvent], str]] = {
    "stage": lambda asset, fact: fact.stage,
    "asset": lambda asset, fact: asset_key(asset),
    "day": lambda asset, fact: datetime.fromtimestamp(fact.at, UTC).strftime("%Y-%m-%d"),
}


def spent(progress: AssetProjection, by: CostGroup) -> dict[str, float]:
    """Sum US dollars by name: days in order, else highest first. Duplicate events count once."""
    sums: dict[str, float] = defaultdict(float)
    for asset, fact in _results(progress):
        for charge in charges_of(fact.event) if fact.event else ():
            sums[_NAMES[by](asset, fact)] += charge.usd
    rows = sorted(sums.items(), key=(lambda each: each[0]) if by == "day" else lambda each: -each[1])
    return {name: round(usd, 6) for name, usd in rows}


def _results(progress: AssetProjection) -> Iterator[tuple[Asset, AssetEvent]]:
    for name in progress.assets():
        for version in progress.versions(name):
            for fact in version.facts:
                if fact.status == "done":
                    yield version.asset, fact
