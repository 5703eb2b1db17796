"""Values from outside are parsed within bounds."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from headrace.schemas.parsing import (
    MAX_JSON_CONTAINERS,
    MAX_JSON_DEPTH,
    MAX_WAIT_SECONDS,
    InvalidValueError,
    ZonedTime,
    parse_float,
    parse_int,
    parse_json,
    parse_retry_after,
    parse_struct,
    parse_text,
    parse_time,
    parse_toml,
)

NOW = datetime(2026, 11, 28, 19, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"), [("0", 0), (b"17", 17), ("007", 7), (5, 5), (str(2**63 - 1), 2**63 - 1)]
)
def test_parses_integers(value: str | bytes | int, expected: int) -> None:
    assert parse_int(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "1.0",
        "1e3",
        " 1",
        "1\n",
        "+1",
        "1_000",
        "0x10",
        "²",
        "١",
        "9" * 5000,
        b"1" + b"0" * 400,
        str(2**63),
        b"\xff",
        True,
        2**63,
        None,
    ],
)
def test_rejects_other_integers(value: str | bytes | int | None) -> None:
    with pytest.raises(InvalidValueError):
        parse_int(value)


@pytest.mark.parametrize(
    "value",
    ["", "nan", "inf", "1e400", "-1", "1" * 400, float("nan"), float("inf"), 10**400, True, None, [], {}, b"1", "1e"],
)
def test_rejects_other_decimal_numbers(value: object) -> None:
    with pytest.raises(InvalidValueError):
        parse_float(value)


@pytest.mark.parametrize(("value", "expected"), [("1.5", 1.5), (3, 3.0), ("1e3", 1000.0), (0.25, 0.25)])
def test_parses_decimal_numbers(value: object, expected: float) -> None:
    assert parse_float(value) == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        (" 17\t", 17.0),
        ("0", 0.0),
        ("000000000000000000000000000000000000000005", 5.0),
        ("9" * 400, MAX_WAIT_SECONDS),
        ("31536000", 31536000.0),
        ("Sat, 28 Nov 2026 19:30:00 GMT", 1800.0),
        ("Saturday, 28-Nov-26 19:30:00 GMT", 1800.0),
        ("Sat Nov 28 19:30:00 2026", 1800.0),
        ("Sat, 28 Nov 2026 18:30:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT_SECONDS),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0.0),
    ],
)
def test_parses_both_forms_of_retry_after(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "²",
        "1e9",
        "NaN",
        "Sat, 28 Nov 2026 19:30:00 +999999999",
        "Sat, 99 Nov 2026 19:30:00 GMT",
        "x" * 5000,
        "1 Nov 99999999999 1:1:1 +9999",
        ",",
        "\x00",
        "28 Nov",
    ],
)
def test_rejects_other_waits(value: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_retry_after(value, NOW)


@pytest.mark.parametrize(
    "value", ["", "yesterday", "9" * 5000, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", None, b"\xff"]
)
def test_rejects_other_times(value: str | bytes | None) -> None:
    with pytest.raises(InvalidValueError):
        parse_time(value)


def test_parses_times_into_utc() -> None:
    assert parse_time("2026-11-28T20:00:00+01:00") == NOW
    assert parse_time(b"2026-11-28T19:00:00Z") == parse_time("2026-11-28T19:00:00") == NOW


@pytest.mark.parametrize("value", [None, b"\xff", b"x" * 11])
def test_rejects_other_texts(value: bytes | None) -> None:
    with pytest.raises(InvalidValueError):
        parse_text(value, 10)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "NaN",
        "1e400",
        "\ud800",
        '"\\ud800"',
        b"\xff",
        "[" * 20_000,
        "[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1),
        '{"a":' * 500 + "1" + "}" * 500,
        "[" + "[]," * MAX_JSON_CONTAINERS + "[]]",
        "[" + "1," * 300_000 + "1]",
    ],
)
def test_rejects_json_that_is_malformed_or_too_large(document: str | bytes) -> None:
    with pytest.raises(InvalidValueError):
        parse_json(document)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (b'"' + b"[" * 500 + b'"', "[" * 500),
        ('["' + '\\"[' * 500 + '"]', ['"[' * 500]),
        ('"' + "\\\\" * 300 + '"', "\\" * 300),
        ("[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH, None),
    ],
)
def test_parses_json_and_ignores_brackets_in_strings(document: str | bytes, expected: object) -> None:
    value = parse_json(document)
    assert expected is None or value == expected


def test_limits_the_size_of_json() -> None:
    with pytest.raises(InvalidValueError, match="more than 5 bytes"):
        parse_json("[1, 2]", max_bytes=5)


@pytest.mark.parametrize(
    "document",
    [
        "a=",
        "a=" + "[" * 20_000,
        "a=" + "[" * 51 + "]" * 51,
        "a=" + "{b=" * 5_000,
        "a." * 5_000 + "b = 1",
        "a = " + "9" * 6_000,
        "a = 1\n" * 2,
        "#" * 70_000,
    ],
    ids=range(8),
)
def test_rejects_toml_that_is_malformed_or_too_large(document: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_toml(document)


def test_parses_toml() -> None:
    assert parse_toml('a = [[1, "]"], {b = 2}]\nc.d.e = "[["') == {"a": [[1, "]"], {"b": 2}], "c": {"d": {"e": "[["}}}


class Report(msgspec.Struct):
    """An example of a record's value."""

    name: str
    at: ZonedTime | None = None


def test_decodes_a_struct() -> None:
    assert parse_struct(b'{"name": "a", "other": [1]}', Report) == Report("a")
    assert parse_struct('[["a"], ["b"]]', tuple[list[str], ...]) == (["a"], ["b"])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"{}", "Object missing required field `name`"),
        (b'{"name": "\xff"}', "not UTF-8"),
        ('{"name": "\ud800"}', "not UTF-8"),
        (b'{"name": "a", "other": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
        (b'{"name": "a", "other": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b'{"name": "a", "at": "2026-11-28T19:00:00"}', "Expected `datetime` with a timezone component - at `$.at`"),
    ],
)
def test_rejects_other_documents(document: str | bytes, reason: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_struct(document, Report)
    assert str(caught.value) == reason
