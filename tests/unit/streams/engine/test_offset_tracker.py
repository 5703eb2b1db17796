"""Tests that the committable offset is that of the lowest unfinished record."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headrace.streams.engine.account import Account
from headrace.streams.engine.offset_tracker import OffsetTracker


def deliver(mark: OffsetTracker, *offsets: int) -> None:
    mark.add((offset, float(offset)) for offset in offsets)


def test_reports_the_age_of_the_oldest_unfinished_record() -> None:
    mark = OffsetTracker(0)
    assert mark.oldest_time() is None
    deliver(mark, 3, 4)
    mark.complete(3)
    assert mark.oldest_time() == 4.0


def test_without_deliveries_the_committable_offset_is_unchanged() -> None:
    assert OffsetTracker(7).committable() == 7


def test_slow_first_record_blocks_the_committable_offset() -> None:
    mark = OffsetTracker(0)
    deliver(mark, 0, 1, 2)
    mark.complete(1)
    mark.complete(2)
    assert mark.committable() == 0


def test_offset_moves_past_the_last_record_once_all_are_finished() -> None:
    mark = OffsetTracker(7)
    deliver(mark, 7, 9)  # 8 was compacted away
    mark.complete(9)
    mark.complete(7)
    assert mark.committable() == 10


def test_finishing_a_record_twice_raises() -> None:
    mark = OffsetTracker(0)
    deliver(mark, 0)
    mark.complete(0)
    with pytest.raises(KeyError):
        mark.complete(0)


class Partition(RuleBasedStateMachine):
    """An offset tracker compared with a model: the sets of all and of finished records."""

    def __init__(self) -> None:
        super().__init__()
        self.mark = OffsetTracker(0)
        self.delivered: list[int] = []
        self.finished: set[int] = set()
        self.committed = 0

    @rule(gaps=st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=5))
    def deliver(self, gaps: list[int]) -> None:
        """Deliver records with rising offsets and gaps, as compaction and transactions leave them."""
        offset = self.delivered[-1] if self.delivered else -1
        batch = []
        for gap in gaps:
            offset += gap
            batch.append(offset)
        deliver(self.mark, *batch)
        self.delivered += batch

    @precondition(lambda self: set(self.delivered) - self.finished)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Finish any unfinished record."""
        offset = data.draw(st.sampled_from(sorted(set(self.delivered) - self.finished)))
        self.mark.complete(offset)
        self.finished.add(offset)

    @invariant()
    def nothing_unfinished_is_passed(self) -> None:
        unfinished = sorted(set(self.delivered) - self.finished)
        offset = self.mark.committable()
        if not self.delivered:
            assert offset == 0
        elif unfinished:
            assert offset == unfinished[0]
        else:
            assert offset == self.delivered[-1] + 1
        assert self.mark.unfinished == len(unfinished)

    @invariant()
    def the_offset_never_goes_back(self) -> None:
        offset = self.mark.committable()
        assert offset >= self.committed
        self.committed = offset


TestMarkAgainstModel = Partition.TestCase


def test_counts_the_outcomes_below_the_committable_offset() -> None:
    tracker = OffsetTracker(7, Account(done=5, lost=2))
    deliver(tracker, 7, 8, 11)
    tracker.complete(8, "dead_lettered")
    tracker.complete(11, "retried")
    assert (tracker.committable(), tracker.account()) == (7, Account(done=5, lost=2))

    tracker.complete(7, "superseded")

    account = tracker.account()
    counts = Account(done=5, lost=2, dead_lettered=1, retried=1, superseded=1, absent=2, time=11.0)
    assert (tracker.committable(), account) == (12, counts)
    assert account.unaccounted(12) == 0
    assert account.finished == 8


def test_lost_records_are_counted_once_those_before_are_finished() -> None:
    tracker = OffsetTracker(0)
    deliver(tracker, 0, 1)
    assert tracker.lose(10) == 8
    deliver(tracker, 12)
    tracker.complete(12)
    tracker.complete(1)
    assert tracker.account() == Account()

    tracker.complete(0)

    assert tracker.account() == Account(done=3, lost=8, absent=2, time=12.0)
    assert tracker.lose(5) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["done", "lost", "retried"])), max_size=40), st.randoms())
def test_every_offset_is_in_exactly_one_count(steps: list[tuple[int, str]], draw: random.Random) -> None:
    tracker, unfinished = OffsetTracker(3), []
    for gap, step in steps:
        if step == "lost":
            tracker.lose(tracker.position + gap)
        else:
            offset = tracker.position + gap
            deliver(tracker, offset)
            unfinished.append(offset)
        if unfinished and draw.random() < 0.5:
            tracker.complete(unfinished.pop(draw.randrange(len(unfinished))), "done")
        assert tracker.account().unaccounted(tracker.committable()) == 0
    for offset in unfinished:
        tracker.complete(offset, "superseded")
    assert tracker.account().unaccounted(tracker.position) == 0
