"""External JSON is decoded to the documented type; errors name the invalid part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec import Raw, Struct

from headrace.connectors.events.decoding import (
    ABSENT,
    JsonText,
    Size,
    json_decoder,
    milliseconds,
    parse_timestamp,
    parse_timestamp_lenient,
)
from headrace.connectors.events.results import ParseError

OTHERWISE = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


class Inner(Struct):
    name: JsonText
    size: Size = 0


class Outer(Struct):
    inner: Inner
    rest: Raw = ABSENT


read = json_decoder(Outer)


def test_unknown_fields_are_ignored() -> None:
    assert read('{"inner": {"name": "a", "new": [1]}, "other": null}') == Outer(Inner("a"))


@pytest.mark.parametrize(
    ("found", "where"),
    [
        ("{}", "`inner`"),
        ('{"inner": {}}', r"`name` - at `\$.inner`"),
        ('{"inner": {"name": ""}}', r"\$.inner.name"),
        ('{"inner": {"name": 7}}', r"\$.inner.name"),
        ('{"inner": {"name": "a", "size": -1}}', r"\$.inner.size"),
        ('{"inner": {"name": "a", "size": true}}', r"\$.inner.size"),
        ('{"inner": {"name": "a", "size": 9223372036854775808}}', r"\$.inner.size"),
    ],
)
def test_error_names_the_invalid_part(found: str, where: str) -> None:
    with pytest.raises(ParseError, match=where):
        read(found)


def test_largest_size_is_valid() -> None:
    assert read('{"inner": {"name": "a", "size": 9223372036854775807}}').inner.size == 2**63 - 1


def test_missing_member_is_false_and_null_is_true() -> None:
    assert not read('{"inner": {"name": "a"}}').rest
    assert read('{"inner": {"name": "a"}, "rest": null}').rest


@pytest.mark.parametrize(
    ("found", "given"),
    [
        (None, OTHERWISE),
        (NOON, NOON),
        (NOON.replace(tzinfo=None), NOON),
        (datetime(2026, 3, 14, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
    ],
)
def test_timestamp_is_converted_to_utc(found: datetime | None, given: datetime) -> None:
    assert parse_timestamp(found, OTHERWISE) == given
    assert parse_timestamp(found, OTHERWISE).tzinfo is UTC


@pytest.mark.parametrize("hours", [-14, 14])
def test_timestamp_out_of_range_is_rejected(hours: int) -> None:
    edge = datetime.max if hours < 0 else datetime.min  # noqa: DTZ901
    found = edge.replace(tzinfo=timezone(timedelta(hours=hours)))

    with pytest.raises(ParseError):
        parse_timestamp(found, OTHERWISE)
    assert parse_timestamp_lenient(found.isoformat(), OTHERWISE) == OTHERWISE


@pytest.mark.parametrize("spelled", ["2026-03-14T12:00:00Z", "2026-03-14T14:00:00.000+0200", "2026-03-14 12:00"])
def test_timestamp_formats_are_parsed(spelled: str) -> None:
    assert parse_timestamp_lenient(spelled, OTHERWISE) == NOON


@pytest.mark.parametrize("found", [None, 7, "", "noon", [], {}])
def test_missing_timestamp_uses_the_default(found: object) -> None:
    assert parse_timestamp_lenient(found, OTHERWISE) == OTHERWISE


def test_milliseconds_are_counted_from_1970() -> None:
    assert milliseconds(NOON.timestamp() * 1000, OTHERWISE) == NOON
    assert milliseconds(None, OTHERWISE) == OTHERWISE


@pytest.mark.parametrize("found", [1e20, -1e20, float("inf")])
def test_milliseconds_out_of_range_are_rejected(found: float) -> None:
    with pytest.raises(ParseError):
        milliseconds(found, OTHERWISE)
