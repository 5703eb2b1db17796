"""Fills the topic that all benchmarks of the runner read: uploads of many versions of some thousand objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas import codec, kafka, topics
from schemas.envelope import PREFIX, Envelope, timestamp
from schemas.identity import root_id
from schemas.message import message
from schemas.records import Asset, MediaUploaded
from schemas.settings import KafkaSettings

KEYS = 5_000
EVENT = "ObjectCreated:Put"
NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def upload(number: int, version: int) -> MediaUploaded:
    """One version of one object."""
    asset = Asset(
        bucket="headrace-media",
        key=f"holidays/2026/beach-{number:05}.jpg",
        version=f"3sL4kqtJlcpXroDTDmJrmSpX{version:08X}",
        version_id=f"3sL4kqtJlcpXroDTDmJrmSpX{version:08X}",
        etag="d41d8cd98f00b204e9800998ecf8427e",
        size=123_456_789,
        sequencer=f"0055AED6{version:08X}",
    )
    return MediaUploaded(asset=asset, event_name=EVENT, uploaded_at=NOW, region="us-east-1", origin="notification")


def fill(cluster: KafkaSettings, topic: str, records: int) -> float:
    """Put so many uploads on a topic, one key after the other, and give the bytes of a record without its headers."""
    book = codec.load()
    kafka.create_topics(kafka.admin(cluster), [topics.Topic(topic, "uploads")], 1)
    producer = kafka.producer(cluster, **{"queue.buffering.max.messages": 200_000, "linger.ms": 50})
    sizes = 0
    for each in range(records):
        event = upload(each % KEYS, each // KEYS)
        identity = root_id(event.asset, EVENT)
        envelope = Envelope(
            identity, "aws:s3", PREFIX + event.EVENT, timestamp(NOW), topics.subject_of(event), identity
        )
        sent = message(event, envelope, book)
        headers: Any = list(sent.headers)
        sizes += len(sent.value or b"") + len(sent.key or b"")
        while True:
            try:
                producer.produce(topic, sent.value, sent.key, headers=headers)
                break
            except BufferError:
                producer.poll(0.05)
    if producer.flush(120):
        raise RuntimeError("the broker does not take the records")
    return sizes / records
