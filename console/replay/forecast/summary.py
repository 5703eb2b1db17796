"""What a replay as a whole will do and cost, from some or all of its records. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay.forecast.effects import EffectKind, RecordForecast

WINDOWS = 10


@dataclass(frozen=True, slots=True)
class ForecastSummary:
    """What becomes of `records`, of which `looked` were looked at: `counts` and `usd` are theirs alone.

    `usd` is in US dollars; `unpriced` counts the paid calls that it does not hold, because nobody knows their price.
    """

    records: int
    looked: int
    counts: Mapping[EffectKind, int]
    usd: float = 0.0
    unpriced: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether everything was looked at."""
        return self.looked == self.records

    def of_all(self, number: float) -> float:
        """Say what a number of those that were looked at comes to for all."""
        return number * self.records / self.looked if self.looked else 0.0


def summarize(effects: Iterable[RecordForecast], records: int | None = None) -> ForecastSummary:
    """Sum up what was found; `records` is how many there are in all, if that is more."""
    found = list(effects)
    usd = round(sum(effect.usd or 0.0 for effect in found), 6)
    unpriced = sum(effect.usd is None for effect in found)
    counts = dict(Counter(effect.kind for effect in found))
    return ForecastSummary(len(found) if records is None else records, len(found), counts, usd, unpriced)


def windows(
    spans: Mapping[TopicAndPartition, OffsetRange], limit: int
) -> Iterator[dict[TopicAndPartition, OffsetRange]]:
    """Choose about `limit` records of spans that hold more, in runs that lie evenly over each; else all of them."""
    total = sum(span.high - span.low for span in spans.values())
    if total <= limit:
        yield dict(spans)
        return
    for number in range(WINDOWS):
        yield {place: _window(span, number, limit / total) for place, span in spans.items()}


def _window(span: OffsetRange, number: int, share: float) -> OffsetRange:
    width = (span.high - span.low) / WINDOWS
    low = span.low + int(number * width)
    return OffsetRange(low, min(span.high, low + max(1, int(width * share)))) if width >= 1 else OffsetRange(low, low)
