"""What a replay as a whole will do and cost."""

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
def test_no_record_is_looked_at_twice_and_none_that_is_not_there(
    given: dict[TopicAndPartition, OffsetRange], limit: int
) -> None:
    chosen = records(list(windows(given, limit)))
    assert len(chosen) == len(set(chosen))
    assert all(given[place].low <= offset < given[place].high for place, offset in chosen)


@given(spans, st.integers(1, 3000))
def test_about_as_many_are_looked_at_as_were_asked_for(given: dict[TopicAndPartition, OffsetRange], limit: int) -> None:
    total = sum(span.high - span.low for span in given.values())
    chosen = records(list(windows(given, limit)))
    if total <= limit:
        assert len(chosen) == total
    else:
        assert len(chosen) <= limit + WINDOWS * len(given)


def test_those_that_are_looked_at_lie_all_over_the_range() -> None:
    offsets = [offset for _, offset in records(list(windows({("t", 0): OffsetRange(0, 10_000)}, 100)))]
    assert (min(offsets), max(offsets) > 8_000, len(offsets)) == (0, True, 100)


def test_what_a_part_shows_is_taken_for_all() -> None:
    found = summarize(
        [
            RecordForecast("stored"),
            RecordForecast("stored"),
            RecordForecast("paid", 0.001),
            RecordForecast("paid", None),
        ],
        400,
    )
    assert (found.records, found.looked, found.is_exact) == (400, 4, False)
    assert (found.of_all(found.counts["stored"]), found.of_all(found.unpriced)) == (200, 100)
    assert round(found.of_all(found.usd), 6) == 0.1


def test_all_of_it_is_exact() -> None:
    found = summarize([RecordForecast("worked")])
    assert (found.is_exact, found.of_all(1), found.usd) == (True, 1, 0.0)


def test_nothing_costs_nothing() -> None:
    assert summarize([]).of_all(0) == 0.0
