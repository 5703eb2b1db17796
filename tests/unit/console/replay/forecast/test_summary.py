"""Effects and cost of a whole replay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay.forecast.effects import RecordForecast
from headrace.console.replay.forecast.summary import WINDOWS, summarize, windows

spans = st.dictionaries(
    st.tuples(st.just("t"), st.integers(0, 5)),
    st.tuples(st.integers(0, 1000), st.integers(0, 5000)).map(lambda pair: OffsetRange(pair[0], sum(pair))),
    max_size=6,
)


def records(chosen: list[dict[TopicAndPartition, OffsetRange]]) -> list[tuple[TopicAndPartition, int]]:
    return [(place, offset) for each in chosen for place, span in each.items() for offset in range(span.low, span.high)]


@given(spans, st.integers(1, 3000))
def test_sample_has_no_duplicates_and_stays_in_range(ranges: dict[TopicAndPartition, OffsetRange], limit: int) -> None:
    chosen = records(list(windows(ranges, limit)))
    assert len(chosen) == len(set(chosen))
    assert all(ranges[place].low <= offset < ranges[place].high for place, offset in chosen)


@given(spans, st.integers(1, 3000))
def test_sample_size_is_close_to_the_limit(ranges: dict[TopicAndPartition, OffsetRange], limit: int) -> None:
    total = sum(span.high - span.low for span in ranges.values())
    chosen = records(list(windows(ranges, limit)))
    if total <= limit:
        assert len(chosen) == total
    else:
        assert len(chosen) <= limit + WINDOWS * len(ranges)


def test_sample_covers_the_whole_range() -> None:
    offsets = [offset for _, offset in records(list(windows({("t", 0): OffsetRange(0, 10_000)}, 100)))]
    assert (min(offsets), max(offsets) > 8_000, len(offsets)) == (0, True, 100)


def test_extrapolates_a_sample() -> None:
    summary = summarize(
        [
            RecordForecast("stored"),
            RecordForecast("stored"),
            RecordForecast("paid", 0.001),
            RecordForecast("paid", None),
        ],
        400,
    )
    assert (summary.records, summary.looked, summary.is_exact) == (400, 4, False)
    assert (summary.of_all(summary.counts["stored"]), summary.of_all(summary.unpriced)) == (200, 100)
    assert round(summary.of_all(summary.usd), 6) == 0.1


def test_full_scan_is_exact() -> None:
    summary = summarize([RecordForecast("worked")])
    assert (summary.is_exact, summary.of_all(1), summary.usd) == (True, 1, 0.0)


def test_no_results_cost_nothing() -> None:
    assert summarize([]).of_all(0) == 0.0
