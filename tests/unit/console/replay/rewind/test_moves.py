"""Offset changes of a rewind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange
from headrace.console.replay.groups import redrive_group
from headrace.console.replay.rewind.moves import OffsetChange, mismatches, places, scope_of
from tests.support.stages import get_stages

[LABELS] = get_stages(["labels"])


def test_moves_the_stages_own_inputs_by_default() -> None:
    scope = scope_of(LABELS)
    assert (scope.group, scope.topics) == ("headrace.labels", ("media.ready",))
    assert scope.unmoved == ("jobs.finished", "labels.retry")


def test_moves_named_topics() -> None:
    scope = scope_of(LABELS, ["labels.retry"])
    assert (scope.topics, scope.unmoved) == (("labels.retry",), ("media.ready", "jobs.finished"))


def test_rejects_topics_that_the_stage_does_not_read() -> None:
    with pytest.raises(CommandError, match=r"labels does not read media.uploaded. It reads media.ready, .*labels.dlq"):
        scope_of(LABELS, ["media.ready", "media.uploaded"])


def test_dead_letter_topic_selects_the_redrive_group() -> None:
    scope = scope_of(LABELS, ["labels.dlq"])
    assert (
        (scope.group, scope.topics)
        == (redrive_group("labels"), ("labels.dlq",))
        == (
            "headrace.redrive.labels",
            ("labels.dlq",),
        )
    )


def test_rejects_missing_partitions() -> None:
    spans = {("media.ready", 0): OffsetRange(0, 1)}
    assert places(scope_of(LABELS, (), 0), spans) == [("media.ready", 0)]
    with pytest.raises(CommandError, match=r"partition 7 of media.ready"):
        places(scope_of(LABELS, (), 7), spans)


def test_group_without_offsets_starts_at_the_first_offset() -> None:
    move = OffsetChange("t", 0, None, to=3, low=2, high=9)
    assert (move.start, move.replayed, move.skipped) == (2, 0, 1)


def test_expired_records_are_not_replayed() -> None:
    assert OffsetChange("t", 0, before=1, to=5, low=5, high=9).replayed == 0


@given(before=st.none() | st.integers(0, 50), to=st.integers(0, 50), low=st.integers(0, 50))
def test_a_change_replays_or_skips_but_not_both(before: int | None, to: int, low: int) -> None:
    move = OffsetChange("t", 0, before, max(to, low), low, 50)
    assert move.start - move.replayed + move.skipped == move.to
    assert 0 in (move.replayed, move.skipped)


def test_mismatches_names_wrong_partitions() -> None:
    planned = {("t", 0): 5, ("t", 1): 6, ("t", 2): 7}
    assert mismatches(planned, {("t", 0): 5, ("t", 1): 9}) == [
        "t/1 is at 9, expected 6",
        "t/2 is at no offset, expected 7",
    ]
    assert mismatches(planned, planned) == []
