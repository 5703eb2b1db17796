"""Rewind targets: expired targets are errors, never replaced by the nearest offset."""

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


def resolved(target: RewindTarget, available: PartitionRange) -> int:
    return offsets(target, {PLACE: available})[PLACE]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("earliest", RewindTarget("earliest")),
        ("latest", RewindTarget("latest")),
        ("42", RewindTarget("offset", 42)),
        ("-2h", RewindTarget("time", NOW - 7200, "-2h")),
        ("2026-03-14T15:09Z", RewindTarget("time", 1773500940.0)),
    ],
)
def test_parses_ends_offsets_times_and_durations(text: str, target: RewindTarget) -> None:
    assert parse(text, NOW) == target


@pytest.mark.parametrize("text", ["tomorrow", "", "-5", "1.5", "+3"])
def test_rejects_other_text_with_the_valid_forms(text: str) -> None:
    with pytest.raises(CommandError, match=r"--to: .* earliest, latest, or an offset"):
        parse(text, NOW)


def test_earliest_and_latest_are_the_available_ends() -> None:
    available = PartitionRange(OffsetRange(5, 9))
    assert (resolved(RewindTarget("earliest"), available), resolved(RewindTarget("latest"), available)) == (5, 9)


def test_time_resolves_to_the_first_record_since() -> None:
    assert resolved(RewindTarget("time", 100.0), PartitionRange(OffsetRange(5, 9), oldest=50.0, first_since=7)) == 7


def test_time_after_the_last_record_is_the_end() -> None:
    assert resolved(RewindTarget("time", 100.0), PartitionRange(OffsetRange(5, 9), oldest=50.0, first_since=None)) == 9


def test_time_before_the_first_record_is_the_start_if_nothing_expired() -> None:
    assert resolved(RewindTarget("time", 10.0), PartitionRange(OffsetRange(0, 9), oldest=50.0, first_since=0)) == 0


def test_rejects_a_time_whose_records_have_expired() -> None:
    with pytest.raises(
        CommandError, match=r"media.uploaded/0: records since .* have expired, the first available record is of"
    ):
        resolved(RewindTarget("time", 10.0), PartitionRange(OffsetRange(5, 9), oldest=50.0, first_since=5))


@pytest.mark.parametrize(
    ("offset", "why"),
    [(4, "offset 4 has expired, the first available offset is 5"), (10, "offset 10 does not exist yet")],
)
def test_rejects_unavailable_offsets(offset: int, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        resolved(RewindTarget("offset", offset), PartitionRange(OffsetRange(5, 9)))


def test_names_every_expired_partition() -> None:
    available = {
        ("a", 0): PartitionRange(OffsetRange(5, 9)),
        ("a", 1): PartitionRange(OffsetRange(0, 9)),
        ("a", 2): PartitionRange(OffsetRange(6, 9)),
    }
    with pytest.raises(CommandError, match=r"a/0: .*; a/2: "):
        offsets(RewindTarget("offset", 3), available)


@given(span=spans, offset=st.integers(0, 120))
def test_offset_is_used_unchanged_or_rejected(span: OffsetRange, offset: int) -> None:
    try:
        result = resolved(RewindTarget("offset", offset), PartitionRange(span))
    except CommandError:
        assert not span.low <= offset <= span.high
    else:
        assert result == offset
        assert span.low <= offset <= span.high


@pytest.mark.parametrize(
    ("text", "earlier", "same"),
    [
        ("-2h", "-2h", True),
        ("-2h", "-12h", False),
        ("2026-03-14T15:09Z", "2026-03-14T15:09Z", True),
        ("42", "43", False),
    ],
)
def test_a_duration_equals_itself_at_another_time(text: str, earlier: str, same: bool) -> None:
    assert parse(text, NOW).is_same_as(str(parse(earlier, NOW - 500))) is same
