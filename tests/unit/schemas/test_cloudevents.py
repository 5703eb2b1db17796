"""Tests of CloudEvents 1.0 headers in Kafka's binary mode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.cloudevents import (
    EventMetadata,
    InvalidEventError,
    from_headers,
    timestamp,
    to_headers,
)

FULL = EventMetadata(
    id="11111111-2222-5333-8444-555555555555",
    source="headrace/labels",
    type="headrace.MediaLabelled",
    time="2026-03-14T15:09:26.535Z",
    subject="media/Straße 1.mp4",
    correlation_id="aaaaaaaa-2222-5333-8444-555555555555",
    causation_id="bbbbbbbb-2222-5333-8444-555555555555",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
REQUIRED = (("ce_id", b"1"), ("ce_source", b"s3"), ("ce_type", b"headrace.MediaReady"))


def test_every_attribute_is_a_header_of_the_kafka_binding() -> None:
    assert dict(to_headers(FULL)) == {
        "ce_specversion": b"1.0",
        "content-type": b"application/avro",
        "ce_id": b"11111111-2222-5333-8444-555555555555",
        "ce_source": b"headrace/labels",
        "ce_type": b"headrace.MediaLabelled",
        "ce_time": b"2026-03-14T15:09:26.535Z",
        "ce_subject": "media/Straße 1.mp4".encode(),
        "ce_correlationid": b"aaaaaaaa-2222-5333-8444-555555555555",
        "ce_causationid": b"bbbbbbbb-2222-5333-8444-555555555555",
        "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


def test_attribute_without_a_value_has_no_header() -> None:
    names = [name for name, _ in to_headers(EventMetadata(id="1", source="s3", type="t", time="2026"))]

    assert names == ["ce_specversion", "content-type", "ce_id", "ce_source", "ce_type", "ce_time"]


# An attribute is never empty: CloudEvents says so, and to_headers leaves such a one out.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.builds(EventMetadata, id=texts, source=texts, type=texts, time=texts, subject=texts, causation_id=texts))
def test_what_is_written_is_read(envelope: EventMetadata) -> None:
    assert from_headers(to_headers(envelope)) == envelope


@given(st.lists(st.tuples(st.text().filter(lambda name: not name.startswith(("ce_", "trace"))), st.binary())))
def test_ignores_foreign_headers(foreign: list[tuple[str, bytes]]) -> None:
    assert from_headers([*foreign, *to_headers(FULL), *foreign]) == FULL


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type"])
@pytest.mark.parametrize("value", [None, b""])
def test_empty_attribute_counts_as_missing(name: str, value: bytes | None) -> None:
    headers = [header for header in REQUIRED if header[0] != name]

    with pytest.raises(InvalidEventError, match=f"no CloudEvents header {name}$"):
        from_headers([*headers, (name, value)])


def test_error_names_all_missing_attributes() -> None:
    with pytest.raises(InvalidEventError, match="ce_id, ce_source, ce_type"):
        from_headers([])


def test_error_names_an_attribute_that_is_not_utf_8() -> None:
    with pytest.raises(InvalidEventError, match="ce_subject is not UTF-8"):
        from_headers([*REQUIRED, ("ce_subject", b"\xff\xfe")])


def test_last_duplicate_header_counts() -> None:
    assert from_headers([("ce_id", b"0"), *REQUIRED, ("ce_subject", b"a"), ("ce_subject", b"b")]) == EventMetadata(
        id="1", source="s3", type="headrace.MediaReady", time="", subject="b"
    )


def test_missing_time_stays_missing() -> None:
    assert from_headers(REQUIRED).time == ""


def test_event_name_is_the_type_without_the_prefix() -> None:
    assert FULL.event == "MediaLabelled"


def test_root_event_is_its_own_correlation_id() -> None:
    assert from_headers(REQUIRED).correlation == "1"
    assert FULL.correlation == FULL.correlation_id


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_timestamp_is_utc_with_milliseconds(zone: timezone) -> None:
    moment = datetime(2026, 3, 14, 15, 9, 26, 535897, tzinfo=UTC).astimezone(zone)

    assert timestamp(moment) == "2026-03-14T15:09:26.535Z"
