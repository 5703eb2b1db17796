"""Tests of building a Kafka record from an event."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.schemas.cloudevents import EventMetadata, from_headers
from headrace.schemas.records import Asset, MediaDeleted
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record

ASSET = Asset(bucket="media", key="a.mp4", version="1", etag="", size=0, sequencer="")
DELETED = MediaDeleted(
    asset=ASSET, event_name="ObjectRemoved:Delete", deleted_at=datetime(2026, 3, 14, tzinfo=UTC), region="us-east-1"
)
ENVELOPE = EventMetadata(id="1", source="s3", type="headrace.MediaDeleted", time="2026-03-14T00:00:00.000Z")


def test_topic_and_key_follow_from_the_event() -> None:
    sent = to_producer_record(DELETED, ENVELOPE, codec.load())

    assert (sent.topic, sent.key) == ("media.deleted", b"media/a.mp4")


def test_value_and_headers_contain_event_and_metadata() -> None:
    book = codec.load()

    sent = to_producer_record(DELETED, ENVELOPE, book)

    assert book.decode(sent.value) == DELETED
    assert from_headers(sent.headers) == ENVELOPE
