"""The redrive position never passes an unresolved dead letter."""

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


def test_without_a_committed_offset_starts_at_the_first_offset() -> None:
    position = redrive_position(OffsetRange(3, 9), None, {0: 5})
    assert position == RedrivePosition(None, 3, 9, CommitMetadata())


def test_continues_at_the_committed_offset() -> None:
    note = CommitMetadata({0: 2}, 7)
    assert redrive_position(OffsetRange(3, 9), CommittedOffset(5, str(note)), {0: 9}) == RedrivePosition(5, 5, 9, note)


def test_expired_position_starts_at_the_first_available_offset() -> None:
    assert redrive_position(OffsetRange(3, 9), CommittedOffset(1, str(CommitMetadata())), {}).start == 3


def test_manually_set_position_ignores_earlier_redrives() -> None:
    for note in ("", "foreign"):
        position = redrive_position(OffsetRange(0, 9), CommittedOffset(4, note), {0: 12, 1: 3})
        assert position == RedrivePosition(4, 4, 9, CommitMetadata({0: 12, 1: 3}, 9), was_set=True)
        assert redrive_position(OffsetRange(0, 9), position.position, {0: 99}) == RedrivePosition(
            4, 4, 9, position.note
        )


@given(
    st.sets(st.integers(0, 30)).flatmap(lambda all_: st.tuples(st.just(all_), st.permutations(sorted(all_)))),
    st.integers(0, 40),
)
def test_position_never_passes_an_unresolved_letter(letters: tuple[set[int], list[int]], end: int) -> None:
    unresolved, order = letters
    end = max(end, *(offset + 1 for offset in unresolved), 0)
    positions = {
        0: RedrivePosition(0, 0, end, CommitMetadata({0: 1}, 2)),
        1: RedrivePosition(None, 3, 8, CommitMetadata()),
    }
    tracker = PositionTracker(positions, [(0, offset) for offset in unresolved])
    for offset in order:
        assert tracker.now()[0].offset == min(unresolved)
        tracker.resolve((0, offset))
        unresolved = unresolved - {offset}
    assert tracker.now() == {
        0: CommittedOffset(end, str(CommitMetadata({0: 1}, 2))),
        1: CommittedOffset(8, str(CommitMetadata())),
    }
