"""The position of redrives passes nothing that nobody has answered for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.console.kafka.offsets import CommittedOffset, OffsetRange
from headrace.console.replay.redrive.position import (
    CommitMetadata,
    PositionTracker,
    RedrivePosition,
    redrive_position,
)


def test_without_a_position_all_letters_are_before_us_and_all_redrives_count() -> None:
    found = redrive_position(OffsetRange(3, 9), None, {0: 5})
    assert found == RedrivePosition(None, 3, 9, CommitMetadata())


def test_a_redrive_goes_on_where_the_last_one_was() -> None:
    note = CommitMetadata({0: 2}, 7)
    assert redrive_position(OffsetRange(3, 9), CommittedOffset(5, str(note)), {0: 9}) == RedrivePosition(5, 5, 9, note)


def test_a_position_whose_letters_have_expired_begins_with_what_is_left() -> None:
    assert redrive_position(OffsetRange(3, 9), CommittedOffset(1, str(CommitMetadata())), {}).start == 3


def test_a_position_that_was_set_by_hand_has_no_note_and_lets_nothing_count_that_was_sent_before() -> None:
    for note in ("", "not ours"):
        found = redrive_position(OffsetRange(0, 9), CommittedOffset(4, note), {0: 12, 1: 3})
        assert found == RedrivePosition(4, 4, 9, CommitMetadata({0: 12, 1: 3}, 9), was_set=True)
        assert redrive_position(OffsetRange(0, 9), found.position, {0: 99}) == RedrivePosition(4, 4, 9, found.note)


@given(
    st.sets(st.integers(0, 30)).flatmap(lambda all_: st.tuples(st.just(all_), st.permutations(sorted(all_)))),
    st.integers(0, 40),
)
def test_the_position_never_passes_a_letter_that_is_not_answered_for(
    letters: tuple[set[int], list[int]], end: int
) -> None:
    unanswered, order = letters
    end = max(end, *(offset + 1 for offset in unanswered), 0)
    standings = {
        0: RedrivePosition(0, 0, end, CommitMetadata({0: 1}, 2)),
        1: RedrivePosition(None, 3, 8, CommitMetadata()),
    }
    positions = PositionTracker(standings, [(0, offset) for offset in unanswered])
    for offset in order:
        assert positions.now()[0].offset == min(unanswered)
        positions.answered((0, offset))
        unanswered = unanswered - {offset}
    assert positions.now() == {
        0: CommittedOffset(end, str(CommitMetadata({0: 1}, 2))),
        1: CommittedOffset(8, str(CommitMetadata())),
    }
