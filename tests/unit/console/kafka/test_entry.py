"""Opening a record never raises; undecodable values are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.kafka.entry import LogEntry, letter_of, open_record, retry_of, seconds_of
from headrace.schemas.messages import ConsumerRecord
from tests.support import records
from tests.support.records import CODEC, raw
from tests.unit.console.asset_history import after, entry, letter, retry

headers = st.lists(st.tuples(st.text(max_size=12), st.none() | st.binary(max_size=20)), max_size=6).map(tuple)


@given(key=st.none() | st.binary(), value=st.none() | st.binary(), fields=headers)
def test_arbitrary_bytes_never_raise(
    key: bytes | None, value: bytes | None, fields: tuple[tuple[str, bytes], ...]
) -> None:
    opened = open_record(ConsumerRecord("scan.dlq", 0, 0, 1.0, key, value, fields), CODEC)
    assert letter_of(opened) is not None


def test_event_has_its_metadata() -> None:
    opened = entry(records.uploaded())
    assert opened.event == records.uploaded()
    assert opened.envelope is not None
    assert opened.envelope.event == "MediaUploaded"


def test_event_without_metadata_is_decoded() -> None:
    opened = open_record(raw(CODEC.encode(records.uploaded())), CODEC)
    assert (opened.envelope, opened.event) == (None, records.uploaded())


def test_offset_and_key_are_text() -> None:
    opened = LogEntry(raw(b"", offset=7))
    assert (opened.place, opened.key) == ("media.uploaded/0/7", "media/photos/cat.jpg")


def test_dead_letter_has_reason_and_origin() -> None:
    found = letter_of(letter(entry(records.uploaded()), "probe", code="too_large"))
    assert found is not None
    assert (found.stage, found.code, found.origin, found.first_failure) == (
        "probe",
        "too_large",
        "media.uploaded/0/0",
        after(1),
    )


def test_dead_letter_without_headers_has_the_stage_of_its_topic() -> None:
    found = letter_of(LogEntry(raw(b"", topic="probe.dlq")))
    assert found is not None
    assert (found.stage, found.code, found.origin) == ("probe", "unknown", "?/?/?")


def test_retry_record_has_stage_and_reason() -> None:
    found = retry_of(retry(entry(records.uploaded()), "probe"))
    assert found is not None
    assert (found.stage, found.code, found.reason) == ("probe", "timeout", "took too long")


def test_plain_record_has_no_retry_or_dead_letter_fields() -> None:
    plain = entry(records.uploaded())
    assert (letter_of(plain), retry_of(plain)) == (None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:00:01.500Z", 1.5), ("1970-01-01T00:00:01", 1.0), ("", None), ("yesterday", None)],
)
def test_parses_cloudevents_timestamps(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds
