"""What a replay as a whole will do and cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.console.kafka.offsets import Place, Span
from headrace.console.replay.forecast.effects import Effect
from headrace.console.replay.forecast.summary import WINDOWS, sum_up, windows

spans = st.dictionaries(
    st.tuples(st.just("t"), st.integers(0, 5)),
    st.tuples(st.integers(0, 1000), st.integers(0, 5000)).map(lambda pair: Span(pair[0], sum(pair))),
    max_size=6,
)


def records(chosen: list[dict[Place, Span]]) -> list[tuple[Place, int]]:
    return [(place, offset) for each in chosen for place, span in each.items() for offset in range(span.low, span.high)]


@given(spans, st.integers(1, 3000))
def test_no_record_is_looked_at_twice_and_none_that_is_not_there(given: dict[Place, Span], limit: int) -> None:
    chosen = records(list(windows(given, limit)))
    assert len(chosen) == len(set(chosen))
    assert all(given[place].low <= offset < given[place].high for place, offset in chosen)


@given(spans, st.integers(1, 3000))
def test_about_as_many_are_looked_at_as_were_asked_for(given: dict[Place, Span], limit: int) -> None:
    total = sum(span.high - span.low for span in given.values())
    chosen = records(list(windows(given, limit)))
    if total <= limit:
        assert len(chosen) == total
    else:
        assert len(chosen) <= limit + WINDOWS * len(given)


def test_those_that_are_looked_at_lie_all_over_the_range() -> None:
    offsets = [offset for _, offset in records(list(windows({("t", 0): Span(0, 10_000)}, 100)))]
    assert (min(offsets), max(offsets) > 8_000, len(offsets)) == (0, True, 100)


def test_what_a_part_shows_is_taken_for_all() -> None:
    found = sum_up([Effect("stored"), Effect("stored"), Effect("paid", 0.001), Effect("paid", None)], 400)
    assert (found.records, found.looked, found.is_exact) == (400, 4, False)
    assert (found.of_all(found.counts["stored"]), found.of_all(found.unpriced)) == (200, 100)
    assert round(found.of_all(found.usd), 6) == 0.1


def test_all_of_it_is_exact() -> None:
    found = sum_up([Effect("worked")])
    assert (found.is_exact, found.of_all(1), found.usd) == (True, 1, 0.0)


def test_nothing_costs_nothing() -> None:
    assert sum_up([]).of_all(0) == 0.0
