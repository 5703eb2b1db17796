"""Summarize the forecasts of all or a sample of the records of a replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay.forecast.effects import EffectKind, RecordForecast

WINDOWS = 10


@dataclass(frozen=True, slots=True)
class ForecastSummary:
    """Effects and cost of a replay of `records`; `counts`, `usd` and `unpriced` cover the `looked` sampled ones.

    `usd` is in US dollars; `unpriced` counts billed calls without a known price, which `usd` excludes.
    """

    records: int
    looked: int
    counts: Mapping[EffectKind, int]
    usd: float = 0.0
    unpriced: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether the sample covers every record."""
        return self.looked == self.records

    def of_all(self, number: float) -> float:
        """Extrapolate a number of the sample to all records."""
        return number * self.records / self.looked if self.looked else 0.0


def summarize(effects: Iterable[RecordForecast], records: int | None = None) -> ForecastSummary:
    """Summarize forecasts; `records` is the total if `effects` is a sample."""
    sample = list(effects)
    usd = round(sum(effect.usd or 0.0 for effect in sample), 6)
    unpriced = sum(effect.usd is None for effect in sample)
    counts = dict(Counter(effect.kind for effect in sample))
    return ForecastSummary(len(sample) if records is None else records, len(sample), counts, usd, unpriced)


def windows(
    spans: Mapping[TopicAndPartition, OffsetRange], limit: int
) -> Iterator[dict[TopicAndPartition, OffsetRange]]:
    """Yield about `limit` records in evenly spaced runs over each range, or all of them if there are fewer."""
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
