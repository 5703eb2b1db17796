"""Where a replay begins; what has expired is said, and never replaced by what is near."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange
from headrace.console.replay.rewind.targets import PartitionRange, RewindTarget, offsets, parse

NOW = 1_773_500_000.0
PLACE = ("media.uploaded", 0)

spans = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: OffsetRange(pair[0], pair[0] + pair[1]))


def resolved(target: RewindTarget, held: PartitionRange) -> int:
    return offsets(target, {PLACE: held})[PLACE]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("earliest", RewindTarget("earliest")),
        ("latest", RewindTarget("latest")),
        ("42", RewindTarget("offset", 42)),
        ("-2h", RewindTarget("time", NOW - 7200, "-2h")),
        ("2026-03-14T15:09Z", RewindTarget("time", 1773500940.0)),
    ],
)
def test_a_person_can_say_an_end_an_offset_a_time_or_a_duration(said: str, meant: RewindTarget) -> None:
    assert parse(said, NOW) == meant


@pytest.mark.parametrize("said", ["tomorrow", "", "-5", "1.5", "+3"])
def test_anything_else_is_refused_with_what_could_be_said(said: str) -> None:
    with pytest.raises(CommandError, match=r"--to: .* earliest, latest, or an offset"):
        parse(said, NOW)


def test_the_ends_are_the_ends_of_what_the_log_holds() -> None:
    held = PartitionRange(OffsetRange(5, 9))
    assert (resolved(RewindTarget("earliest"), held), resolved(RewindTarget("latest"), held)) == (5, 9)


def test_a_time_is_the_first_record_since_then() -> None:
    assert resolved(RewindTarget("time", 100.0), PartitionRange(OffsetRange(5, 9), oldest=50.0, found=7)) == 7


def test_a_time_after_the_last_record_is_the_end() -> None:
    assert resolved(RewindTarget("time", 100.0), PartitionRange(OffsetRange(5, 9), oldest=50.0, found=None)) == 9


def test_a_time_before_the_first_record_is_the_beginning_where_nothing_has_expired() -> None:
    assert resolved(RewindTarget("time", 10.0), PartitionRange(OffsetRange(0, 9), oldest=50.0, found=0)) == 0


def test_a_time_of_which_some_records_have_expired_is_refused() -> None:
    with pytest.raises(CommandError, match=r"media.uploaded/0: not all since .* is left, the log begins at"):
        resolved(RewindTarget("time", 10.0), PartitionRange(OffsetRange(5, 9), oldest=50.0, found=5))


@pytest.mark.parametrize(
    ("offset", "why"), [(4, "offset 4 has expired, the log begins at 5"), (10, "there is no offset 10 yet")]
)
def test_an_offset_that_the_log_does_not_hold_is_refused(offset: int, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        resolved(RewindTarget("offset", offset), PartitionRange(OffsetRange(5, 9)))


def test_every_partition_that_has_expired_is_named() -> None:
    held = {
        ("a", 0): PartitionRange(OffsetRange(5, 9)),
        ("a", 1): PartitionRange(OffsetRange(0, 9)),
        ("a", 2): PartitionRange(OffsetRange(6, 9)),
    }
    with pytest.raises(CommandError, match=r"a/0: .*; a/2: "):
        offsets(RewindTarget("offset", 3), held)


@given(span=spans, offset=st.integers(0, 120))
def test_an_offset_is_taken_as_it_is_or_refused(span: OffsetRange, offset: int) -> None:
    try:
        found = resolved(RewindTarget("offset", offset), PartitionRange(span))
    except CommandError:
        assert not span.low <= offset <= span.high
    else:
        assert found == offset
        assert span.low <= offset <= span.high


@pytest.mark.parametrize(
    ("now_is_asked", "was_asked", "same"),
    [
        ("-2h", "-2h", True),
        ("-2h", "-12h", False),
        ("2026-03-14T15:09Z", "2026-03-14T15:09Z", True),
        ("42", "43", False),
    ],
)
def test_a_duration_is_the_same_whenever_it_is_asked_for(now_is_asked: str, was_asked: str, same: bool) -> None:
    assert parse(now_is_asked, NOW).is_meant(str(parse(was_asked, NOW - 500))) is same
