"""Tests of dead letters, retry records and redriven records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.safe_text import LONGEST_REASON
from headrace.streams.engine.dlq import (
    RedriveInfo,
    dead_letter,
    redrive_record,
    retry_record,
)
from headrace.streams.engine.headers import RecordHistory, count_in, due_at, original_headers, record_history
from headrace.streams.engine.outcome import Dead, Retry
from headrace.streams.handlers import Transform
from headrace.streams.stage import Stage
from tests.support.records import NOW, arrived, raw


async def nothing(_event: object, _services: object) -> None:
    """Do nothing."""


STAGE = Stage("labels", reads=(topics.READY,), handler=Transform(nothing))
DEAD = Dead("unreadable", "no moov atom", "PermanentError")
RETRY = Retry(1.5, "timeout", "took too long")
REPLAY = RedriveInfo("r1", "ada@host", "bug is fixed")

own = st.lists(
    st.tuples(
        st.text(max_size=8).filter(lambda name: not name.startswith(("dlq-", "retry-", "replay-"))),
        st.binary(max_size=20),
    ),
    max_size=6,
).map(tuple)


def named(headers: Headers) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in headers if name.startswith(("dlq-", "retry-"))}


@given(key=st.none() | st.binary(), value=st.none() | st.binary(), headers=own)
def test_dead_letter_keeps_key_value_and_headers(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    letter = dead_letter(STAGE, ConsumerRecord("media.ready", 3, 42, 7.5, key, value, headers), DEAD, 1, NOW)
    assert (letter.key, letter.value) == (key, value)
    assert original_headers(letter.headers) == headers


def test_dead_letter_headers_have_reason_and_origin() -> None:
    letter = dead_letter(STAGE, ConsumerRecord("media.ready", 3, 42, 7.5, b"k", b"v", ()), DEAD, 2, NOW)
    assert letter.topic == "labels.dlq"
    assert named(letter.headers) == {
        "dlq-stage": "labels",
        "dlq-stage-version": "1",
        "dlq-code": "unreadable",
        "dlq-class": "PermanentError",
        "dlq-message": "no moov atom",
        "dlq-attempts": "2",
        "dlq-topic": "media.ready",
        "dlq-partition": "3",
        "dlq-offset": "42",
        "dlq-timestamp": "7500",
        "dlq-first-failure": "2026-03-14T15:09:26.000Z",
        "dlq-last-failure": "2026-03-14T15:09:26.000Z",
    }


def test_headers_do_not_grow_with_retries_and_redrives() -> None:
    first = raw(b"\xc3\x01 bytes \xff", (("ce_id", b"1"), ("x", None)), "media.ready", 9)
    hop = first
    for number in range(20):
        hop = arrived(retry_record(STAGE, hop, RETRY, 1, NOW), offset=number)
    letter = dead_letter(STAGE, hop, DEAD, 1, NOW)
    for _ in range(3):
        letter = dead_letter(STAGE, arrived(letter), DEAD, 1, NOW)
    assert (letter.key, letter.value, original_headers(letter.headers)) == (first.key, first.value, first.headers)
    assert len(letter.headers) == len(first.headers) + 12


def test_retried_record_keeps_its_origin_and_attempts() -> None:
    again = arrived(retry_record(STAGE, raw(b"v", (), "media.ready", 9), RETRY, 2, NOW))
    origin = record_history(again)
    assert (origin.topic, origin.offset, origin.failures) == ("media.ready", 9, 2)
    assert named(dead_letter(STAGE, again, DEAD, 1, NOW).headers)["dlq-attempts"] == "3"


def test_due_time_is_the_broker_timestamp_plus_the_delay() -> None:
    again = arrived(retry_record(STAGE, raw(b"v"), RETRY, 1, NOW), timestamp=100.0)
    assert due_at(again) == 101.5
    assert due_at(raw(b"v")) == 0.0


HISTORY = {
    "retry-topic": b"media.ready",
    "retry-partition": b"3",
    "retry-offset": b"9",
    "retry-timestamp": b"7000",
    "retry-attempts": b"2",
    "retry-first-failure": b"2026-03-14T15:09:26.000Z",
    "retry-waits": b"4",
    "retry-after-ms": b"1500",
}


def with_history(topic: str, /, **changes: bytes | None) -> ConsumerRecord:
    """Return a record with retry headers, changed by name without the prefix."""
    values = {**HISTORY, **{f"retry-{name.replace('_', '-')}": value for name, value in changes.items()}}
    return ConsumerRecord(topic, 0, 5, 1.0, b"k", b"v", tuple(values.items()))


def test_history_counts_on_the_retry_topic() -> None:
    history = record_history(with_history("labels.retry"))
    assert (history.topic, history.partition, history.offset, history.timestamp) == ("media.ready", 3, 9, 7.0)
    assert (history.failures, history.waits) == (2, 4)
    assert due_at(with_history("labels.retry")) == 2.5


@pytest.mark.parametrize("topic", ["media.uploaded", "labels.dlq", "retry", "labels.retry.copy"])
def test_history_on_another_topic_is_ignored(topic: str) -> None:
    record = with_history(topic)
    assert record_history(record) == RecordHistory(topic, 0, 5, 1.0)
    assert due_at(record) == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timestamp", b"1" + b"0" * 400),
        ("timestamp", str(2**63).encode()),
        ("timestamp", b"-1"),
        ("attempts", b"-1000"),
        ("attempts", b"9" * 5000),
        ("attempts", b"9999999"),
        ("attempts", "²".encode()),
        ("waits", b"1e9"),
        ("waits", b""),
        ("partition", b"many"),
        ("partition", str(2**31).encode()),
        ("offset", str(2**63).encode()),
        ("offset", None),
        ("topic", b"\xff"),
        ("topic", b"a topic"),
        ("topic", b"x" * 250),
        ("first_failure", b"yesterday"),
        ("first_failure", b"x" * 5000),
        ("first_failure", b"\xff"),
    ],
)
def test_history_out_of_bounds_is_ignored(name: str, value: bytes | None) -> None:
    record = with_history("labels.retry", **{name: value})
    assert record_history(record) == RecordHistory("labels.retry", 0, 5, 1.0)
    assert retry_record(STAGE, record, RETRY, 1, NOW).topic == "labels.retry"
    assert dead_letter(STAGE, record, DEAD, 1, NOW).topic == "labels.dlq"


@pytest.mark.parametrize("delay", [b"9" * 400, str(2**63).encode(), b"-5", b"1.5", "²".encode(), b"", None])
def test_delay_out_of_bounds_is_ignored(delay: bytes | None) -> None:
    assert due_at(with_history("labels.retry", after_ms=delay)) == 0.0


@pytest.mark.parametrize("attempts", [b"9" * 5000, b"-1", b"many", "²".encode()])
def test_replay_count_out_of_bounds_is_ignored(attempts: bytes) -> None:
    given = {"attempts": attempts, "id": b"r", "other": b"x", "reason": b"y" * 5000}
    headers = tuple((f"replay-{name}", value) for name, value in given.items())
    letter = dead_letter(STAGE, raw(b"v", headers, "labels.retry"), DEAD, 1, NOW)
    values = dict(letter.headers)
    assert values["dlq-attempts"] == b"1"
    assert values["replay-id"] == b"r"
    assert not {"replay-other", "replay-reason"} & values.keys()


header_names = st.sampled_from([*HISTORY, "replay-attempts", "replay-count"])
header_values = st.none() | st.binary(max_size=30) | st.integers().map(lambda number: str(number).encode())


@given(st.lists(st.tuples(header_names, header_values)))
def test_headers_of_any_value_do_not_raise(headers: list[tuple[str, bytes | None]]) -> None:
    record = raw(b"v", (("retry-topic", b"t"), *headers), "labels.retry")
    record_history(record)
    due_at(record)
    again = retry_record(STAGE, record, RETRY, 1, NOW)
    letter = dead_letter(STAGE, arrived(again), DEAD, 1, NOW)
    redrive_record(arrived(letter), REPLAY)


def test_reason_is_safe_text() -> None:
    dead = replace(DEAD, why="password=CANARY\n\x1b[31m" + "x" * 2000)
    reason = named(dead_letter(STAGE, raw(b"v"), dead, 1, NOW).headers)["dlq-message"]
    assert reason.startswith(r"password=[redacted]\n\x1b[31mxxx")
    assert len(reason) == LONGEST_REASON


def marks(headers: Headers) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in headers if name.startswith("replay-")}


@given(key=st.none() | st.binary(), value=st.none() | st.binary(), headers=own)
def test_redriven_record_is_the_original_and_due_at_once(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    first = ConsumerRecord("media.ready", 3, 42, 7.5, key, value, headers)
    again = redrive_record(arrived(dead_letter(STAGE, first, DEAD, 8, NOW), 5), REPLAY)
    assert (again.topic, again.key, again.value) == ("labels.retry", key, value)
    assert original_headers(again.headers) == headers
    assert due_at(arrived(again, timestamp=100.0)) == 0.0


def test_redriven_record_keeps_its_origin_and_has_no_attempts() -> None:
    again = arrived(redrive_record(arrived(dead_letter(STAGE, raw(b"v", (), "media.ready", 9), DEAD, 8, NOW)), REPLAY))
    origin = record_history(again)
    assert (origin.topic, origin.offset, origin.failures, origin.waits) == ("media.ready", 9, 0, 0)
    assert origin.first_failure == "2026-03-14T15:09:26.000Z"


def test_redriven_record_names_the_operator_and_the_dead_letter() -> None:
    again = redrive_record(arrived(dead_letter(STAGE, raw(b"v"), DEAD, 8, NOW), 5), REPLAY)
    assert marks(again.headers) == {
        "replay-id": "r1",
        "replay-of": "labels.dlq/0/5",
        "replay-count": "1",
        "replay-attempts": "8",
        "replay-operator": "ada@host",
        "replay-reason": "bug is fixed",
    }


def test_replay_headers_are_kept_and_counted_and_do_not_grow() -> None:
    first = raw(b"v", (("ce_id", b"1"),), "media.ready", 9)
    letter, sizes = arrived(dead_letter(STAGE, first, DEAD, 8, NOW), 0), set()
    for times in range(1, 4):
        again = arrived(redrive_record(letter, REPLAY), times)
        tried = arrived(retry_record(STAGE, again, RETRY, 1, NOW), times)
        letter = arrived(dead_letter(STAGE, tried, DEAD, 1, NOW), times)
        sizes.add(len(letter.headers))
        assert count_in(dict(letter.headers), "replay-count") == times
        assert count_in(dict(letter.headers), "dlq-attempts") == 8 + 2 * times
    assert original_headers(letter.headers) == first.headers
    assert len(sizes) == 1


def test_replay_headers_of_another_stage_are_ignored() -> None:
    other = arrived(redrive_record(arrived(dead_letter(STAGE, raw(b"v"), DEAD, 8, NOW)), REPLAY))
    seen = ConsumerRecord("scan.dlq", 0, 0, 1.0, other.key, other.value, other.headers)
    assert marks(dead_letter(STAGE, seen, DEAD, 1, NOW).headers) == {}


def test_foreign_dead_letter_can_be_redriven() -> None:
    bare = ConsumerRecord("labels.dlq", 1, 7, 1.0, b"k", b"v", (("mine", b"1"), ("dlq-attempts", b"many")))
    again = redrive_record(bare, REPLAY)
    assert original_headers(again.headers) == (("mine", b"1"),)
    assert record_history(arrived(again)).topic == "labels.retry"
    assert marks(again.headers)["replay-attempts"] == "0"
