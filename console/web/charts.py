"""Bar charts as data for SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.console.views.queries.activity import ActivityBucket

WIDTH, HEIGHT = 600.0, 120.0


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A bar with its parts from the bottom up: kind, upper end and height in pixels."""

    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]
    title: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart. `highest` is the value at its top, `total` the sum of all bars."""

    bars: tuple[ChartBar, ...]
    highest: int
    total: int
    since: float
    width: float = WIDTH
    height: float = HEIGHT


def activity_chart(buckets: Sequence[ActivityBucket]) -> BarChart:
    """Return the chart of the activity of a stage."""
    sums = [each.done + each.retrying + each.dead_lettered for each in buckets]
    highest = max(sums, default=0)
    step = WIDTH / max(1, len(buckets))
    bars = tuple(_bar(each, number * step, step, highest) for number, each in enumerate(buckets) if sums[number])
    return BarChart(bars, highest, sum(sums), buckets[0].at if buckets else 0.0)


def _bar(bucket: ActivityBucket, x: float, step: float, highest: int) -> ChartBar:
    parts, bottom = [], HEIGHT
    counts = (("done", bucket.done), ("retrying", bucket.retrying), ("dead-lettered", bucket.dead_lettered))
    for kind, count in counts:
        height = HEIGHT * count / highest
        if count:
            bottom -= height
            parts.append((kind, round(bottom, 1), round(height, 1)))
    title = ", ".join(f"{count:,} {kind}" for kind, count in counts if count)
    return ChartBar(round(x, 1), round(max(1.0, step - 1), 1), tuple(parts), title)
