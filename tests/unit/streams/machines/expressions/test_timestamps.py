"""Tests of timestamps."""

from __future__ import annotations

import pytest

from headrace.streams.machines.expressions.timestamps import nanoseconds_of
from headrace.streams.machines.json_types import Json


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.9Z", -100_000_000),
        ("2016-02-29T00:00:00Z", 1_456_704_000_000_000_000),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000_000_000),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139_000_000_000),
    ],
)
def test_returns_the_instant(text: str, nanoseconds: int) -> None:
    assert nanoseconds_of(text) == nanoseconds


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "2016-12-05",
            "2016-12-05 21:29:29Z",
            "2016-12-05T21:29:29",
            "2016-12-05t21:29:29Z",
            "2016-12-05T21:29:29z",
        ),
        *(
            "2016-13-05T21:29:29Z",
            "2016-02-30T21:29:29Z",
            "2016-12-05T25:29:29Z",
            "2016-12-05T24:00:00Z",
            "05-12-2016T21:29:29Z",
        ),
        *(
            "2016-12-05T21:29:60Z",
            "2016-12-05T21:29:29.Z",
            "2016-12-05T21:29:29+1:00",
            "2016-12-05T21:29:29+24:00",
            " 2016-12-05T21:29:29Z",
        ),
        *("2016-12-05T21:29:29Z\n", "٢٠١٦-12-05T21:29:29Z", "0000-01-01T00:00:00Z", "2016-12-05T21:29:29+01:60"),
        *(0, 1.5, None, True, [], {}),
    ],
)
def test_other_values_are_not_timestamps(value: Json) -> None:
    assert nanoseconds_of(value) is None
