"""Ids, filters and time arguments of dead letters."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.console.dlq.letter import LetterFilter, may_hold, short_ids
from headrace.console.errors import CommandError
from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.letter_id import letter_id
from headrace.console.terminal.timespec import parse_time
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ConsumerRecord
from tests.support import records
from tests.support.records import raw
from tests.unit.console.asset_history import entry, letter, undecodable
from tests.unit.console.dlq.letters import AT, a_letter


def at_aws(name: str, message: bytes, **changes: Any) -> ConsumerRecord:
    return a_letter((name, message), topic="bridge.dlq", **changes)


ORIGIN: Headers = (("dlq-topic", b"media.uploaded"), ("dlq-partition", b"2"), ("dlq-offset", b"41"))


def test_id_does_not_depend_on_partition_or_offset() -> None:
    one, other = (
        letter(entry(records.uploaded()), "probe", seconds, offset=offset) for seconds, offset in ((1, 3), (9, 8))
    )
    assert letter_id(one.record) == letter_id(other.record)


def test_id_depends_on_the_stage() -> None:
    ids = {letter_id(letter(entry(records.uploaded()), stage).record) for stage in ("probe", "scan")}
    assert sorted(id_.rpartition("-")[0] for id_ in ids) == ["probe", "scan"]


def test_id_without_an_event_id_is_the_original_offset() -> None:
    first = letter_id(a_letter(*ORIGIN))
    assert first == letter_id(a_letter(*ORIGIN, offset=99, partition=3))
    assert first != letter_id(a_letter(*ORIGIN[:2], ("dlq-offset", b"42")))


def test_id_of_an_aws_message_is_its_message_id() -> None:
    assert letter_id(at_aws("dlq-sqs-message", b"m1")) == letter_id(at_aws("dlq-sqs-message", b"m1", offset=99))
    ids = {letter_id(at_aws(name, id_)) for name in ("dlq-sqs-message", "dlq-sns-message") for id_ in (b"m1", b"m2")}
    assert len(ids) == 4


def test_id_without_headers_is_the_records_own_offset() -> None:
    assert letter_id(a_letter()) == letter_id(a_letter(value=b"other"))
    assert letter_id(a_letter()) != letter_id(a_letter(offset=8))


@pytest.mark.parametrize("id_", [b"", None])
def test_empty_event_id_is_ignored(id_: bytes | None) -> None:
    assert letter_id(a_letter(("ce_id", id_), *ORIGIN)) == letter_id(a_letter(*ORIGIN))
    assert letter_id(a_letter(("ce_id", b"e1"), ("ce_id", id_))) == letter_id(a_letter(("ce_id", b"e1")))


def test_event_id_may_be_arbitrary_bytes() -> None:
    assert letter_id(a_letter(("ce_id", b"\xff"))) != letter_id(a_letter(("ce_id", b"\xfe")))


def test_short_ids_are_unique() -> None:
    ids = ["probe-" + "0" * 32, "probe-" + "0" * 20 + "1" * 12, "labels-v2-" + "ab" * 16]
    assert list(short_ids(ids).values()) == ["labels-v2-abababababab", "probe-" + "0" * 21, "probe-" + "0" * 20 + "1"]


@pytest.mark.parametrize(
    ("prefix", "holds"),
    [("", True), ("lab", True), ("labels-", True), ("labels-9f", True), ("probe-9f", False), ("labelsx", False)],
)
def test_id_prefix_selects_the_topic(prefix: str, holds: bool) -> None:
    assert may_hold("labels.dlq", prefix) is holds


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        (LetterFilter(), True),
        (LetterFilter(stage="probe"), True),
        (LetterFilter(stage="scan"), False),
        (LetterFilter(code="unreadable"), True),
        (LetterFilter(code="timeout"), False),
        (LetterFilter(key="media/photos/cat.jpg"), True),
        (LetterFilter(key="s3://media/photos/cat.jpg"), True),
        (LetterFilter(key="photos/cat.jpg"), True),
        (LetterFilter(key="*.jpg"), True),
        (LetterFilter(key="photos/c*"), True),
        (LetterFilter(key="cat.jpg"), False),
        (LetterFilter(key="*.mp4"), False),
        (LetterFilter(text="MOOV"), True),
        (LetterFilter(text="permanent"), True),
        (LetterFilter(text="timed out"), False),
        (LetterFilter(since=AT + 1), True),
        (LetterFilter(since=AT + 1.1), False),
        (LetterFilter(until=AT + 1), True),
        (LetterFilter(until=AT + 0.9), False),
        (LetterFilter(stage="probe", code="unreadable", text="moov", since=AT, until=AT + 2), True),
        (LetterFilter(stage="probe", code="timeout"), False),
    ],
)
def test_filter_requires_every_condition(asked: LetterFilter, matches: bool) -> None:
    assert asked.matches(letter(entry(records.uploaded()), "probe", seconds=1)) is matches


@pytest.mark.parametrize(
    ("key", "matches"),
    [
        ("media/photos/cat.jpg", True),
        ("photos/cat.jpg", True),
        ("*.jpg", True),
        ("labels-0a1b", True),
        ("*.mp4", False),
    ],
)
def test_filter_finds_the_letter_of_a_job_by_its_asset(key: str, matches: bool) -> None:
    job = a_letter(("dlq-asset", b"media/photos/cat.jpg"), key=b"labels-0a1b", topic="labels.dlq")
    assert LetterFilter(key=key).matches(LogEntry(job)) is matches


def test_filter_matches_a_key_with_glob_characters() -> None:
    assert LetterFilter(key="media/a[1].jpg").matches(LogEntry(a_letter(key=b"media/a[1].jpg")))


def test_filter_matches_an_unparseable_dead_letter() -> None:
    assert LetterFilter(stage="scan", code="decode").matches(undecodable("scan"))


def test_letter_without_headers_has_code_unknown_and_the_record_timestamp() -> None:
    bare = LogEntry(a_letter(timestamp=AT))
    assert LetterFilter(code="unknown", since=AT, until=AT).matches(bare)
    assert not LetterFilter(since=AT + 1).matches(bare)


def test_filter_rejects_records_of_other_topics() -> None:
    assert not LetterFilter().matches(LogEntry(raw(b"v", topic="media.uploaded")))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("-30s", 30),
        ("-2h", 7200),
        ("-1d12h", 129_600),
        ("-1w", 604_800),
        ("-1h30m5s", 5405),
        ("-0s", 0),
    ],
)
def test_duration_counts_back_from_now(value: str, seconds: float) -> None:
    assert parse_time(value, AT) == AT - seconds


@pytest.fixture
def in_tokyo() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize(
    "value", ["2026-03-15T00:09:26", "2026-03-14T15:09:26Z", "2026-03-14T16:09:26+01:00", "2026-03-15 00:09:26"]
)
def test_time_without_a_zone_is_local(value: str) -> None:
    assert parse_time(value, 0.0) == AT


@pytest.mark.parametrize(
    "value", ["", "-", "2h", "-h", "-2x", "-2m1h", "yesterday", "2026-13-01", "-99999999999w", "-٢h"]
)
def test_invalid_time_is_rejected_with_an_example(value: str) -> None:
    with pytest.raises(CommandError, match="-2h"):
        parse_time(value, AT)


def test_duration_before_year_1_is_rejected() -> None:
    with pytest.raises(CommandError, match="too long ago"):
        parse_time("-999999999w", AT)
