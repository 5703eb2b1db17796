"""`HeaderPicker` returns the same values as a dictionary of the headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from headrace.console.kafka.header_picker import HeaderPicker

WANTED = ("a", "b", "c")
HEADERS = some.lists(some.tuples(some.sampled_from("abcxy"), some.none() | some.binary(max_size=2)), max_size=6)


@given(some.lists(HEADERS, max_size=8))
def test_picks_the_last_header_of_each_name(records: list[list[tuple[str, bytes | None]]]) -> None:
    picker = HeaderPicker(*WANTED)
    for headers in records:
        found = dict(headers)
        assert [value for _, value in picker.pick(tuple(headers))] == [found.get(name) for name in WANTED]
