"""What a rewind does to each partition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange
from headrace.console.replay.groups import redrive_group
from headrace.console.replay.rewind.moves import OffsetChange, mismatches, places, scope_of
from headrace.streams import pipeline

[LABELS] = pipeline.get_stages(["labels"])


def test_a_stage_is_moved_on_its_own_inputs_and_the_rest_is_named() -> None:
    scope = scope_of(LABELS)
    assert (scope.group, scope.topics) == ("headrace.labels", ("media.ready",))
    assert scope.left == ("jobs.finished", "labels.retry")


def test_what_is_named_is_moved_instead() -> None:
    scope = scope_of(LABELS, ["labels.retry"])
    assert (scope.topics, scope.left) == (("labels.retry",), ("media.ready", "jobs.finished"))


def test_a_topic_that_the_stage_does_not_read_is_refused() -> None:
    with pytest.raises(CommandError, match=r"labels does not read media.uploaded: it reads media.ready, .*labels.dlq"):
        scope_of(LABELS, ["media.ready", "media.uploaded"])


def test_its_dead_letter_topic_stands_for_the_position_of_its_redrives() -> None:
    scope = scope_of(LABELS, ["labels.dlq"])
    assert (
        (scope.group, scope.topics)
        == (redrive_group("labels"), ("labels.dlq",))
        == (
            "headrace.redrive.labels",
            ("labels.dlq",),
        )
    )


def test_a_partition_that_is_not_there_is_refused() -> None:
    spans = {("media.ready", 0): OffsetRange(0, 1)}
    assert places(scope_of(LABELS, (), 0), spans) == [("media.ready", 0)]
    with pytest.raises(CommandError, match=r"partition 7 of media.ready"):
        places(scope_of(LABELS, (), 7), spans)


def test_a_group_that_never_committed_begins_at_the_beginning() -> None:
    move = OffsetChange("t", 0, None, to=3, low=2, high=9)
    assert (move.start, move.replayed, move.skipped) == (2, 0, 1)


def test_what_has_expired_before_the_group_came_to_it_is_not_worked_again() -> None:
    assert OffsetChange("t", 0, before=1, to=5, low=5, high=9).replayed == 0


@given(before=st.none() | st.integers(0, 50), to=st.integers(0, 50), low=st.integers(0, 50))
def test_a_move_goes_back_or_forward_but_not_both(before: int | None, to: int, low: int) -> None:
    move = OffsetChange("t", 0, before, max(to, low), low, 50)
    assert move.start - move.replayed + move.skipped == move.to
    assert 0 in (move.replayed, move.skipped)


def test_what_is_not_where_it_was_put_is_named() -> None:
    wanted = {("t", 0): 5, ("t", 1): 6, ("t", 2): 7}
    assert mismatches(wanted, {("t", 0): 5, ("t", 1): 9}) == [
        "t/1 is at 9 and not at 6",
        "t/2 is at no offset and not at 7",
    ]
    assert mismatches(wanted, wanted) == []
