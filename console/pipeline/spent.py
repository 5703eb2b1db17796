"""Add up the cost of the results on the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

from headrace.console.assets.asset_event import AssetEvent, usd_of
from headrace.console.assets.projection import AssetProjection
from headrace.schemas.ids import asset_key
from headrace.schemas.records import Asset

CostGroup = Literal["stage", "asset", "day"]

_NAMES: dict[CostGroup, Callable[[Asset, AssetEvent], str]] = {
    "stage": lambda asset, fact: fact.stage,
    "asset": lambda asset, fact: asset_key(asset),
    "day": lambda asset, fact: datetime.fromtimestamp(fact.at, UTC).strftime("%Y-%m-%d"),
}


def spent(progress: AssetProjection, by: CostGroup) -> dict[str, float]:
    """Sum US dollars by name: days in order, else highest first. Duplicate events count once."""
    return _summed(progress, by, lambda fact: fact.usd_nanos)


def saved(progress: AssetProjection, by: CostGroup) -> dict[str, float]:
    """Sum what the reuse of results saved, in US dollars by name, as `spent` does."""
    return _summed(progress, by, lambda fact: fact.saved_nanos)


def _summed(progress: AssetProjection, by: CostGroup, amount: Callable[[AssetEvent], int]) -> dict[str, float]:
    sums: dict[str, int] = defaultdict(int)
    for asset, fact in _results(progress):
        if nanos := amount(fact):
            sums[_NAMES[by](asset, fact)] += nanos
    return ranked(sums, by)


def ranked(nanos: Mapping[str, int], by: CostGroup) -> dict[str, float]:
    """Convert sums in nano-US-dollars to US dollars: days in order, else highest first."""
    rows = sorted(nanos.items(), key=(lambda each: each[0]) if by == "day" else lambda each: (-each[1], each[0]))
    return {name: usd_of(sum_) for name, sum_ in rows}


def _results(progress: AssetProjection) -> Iterator[tuple[Asset, AssetEvent]]:
    for name in progress.assets():
        for version in progress.versions(name):
            for fact in version.facts:
                if fact.status == "done":
                    yield version.asset, fact
