"""Fills the topic that all benchmarks of the runner read: uploads of many versions of some thousand objects."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, timestamp
from headrace.schemas.ids import root_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import Asset, MediaUploaded
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record

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


class Pace(NamedTuple):
    """Records a second of one kind of keys, so many of them; `key` has the key's number put in."""

    key: str
    keys: int
    per_second: float


def keep_sending(cluster: KafkaSettings, topic: str, paces: Sequence[Pace], seconds: float) -> int:
    """Send uploads at an even pace, and give how many there were."""
    value = codec.load().encode(upload(0, 0))
    producer = clients.producer(cluster, **{"queue.buffering.max.messages": 500_000})
    begun, sent = time.monotonic(), [0] * len(paces)
    while (passed := time.monotonic() - begun) < seconds:
        for which, pace in enumerate(paces):
            for number in range(sent[which], int(passed * pace.per_second)):
                producer.produce(topic, value, pace.key.format(number % pace.keys).encode())
                sent[which] = number + 1
        producer.poll(0.005)
    if producer.flush(120):
        raise RuntimeError("the broker does not take the records")
    return sum(sent)


def fill(cluster: KafkaSettings, topic: str, records: int) -> float:
    """Put so many uploads on a topic, one key after the other, and give the bytes of a record without its headers."""
    book = codec.load()
    clients.create_topics(clients.admin(cluster), [topics.Topic(topic, "uploads")], 1)
    producer = clients.producer(cluster, **{"queue.buffering.max.messages": 200_000, "linger.ms": 50})
    sizes = 0
    for each in range(records):
        event = upload(each % KEYS, each // KEYS)
        identity = root_id(event.asset, EVENT)
        envelope = EventMetadata(
            identity, "aws:s3", PREFIX + event.EVENT, timestamp(NOW), topics.subject_of(event), identity
        )
        sent = to_producer_record(event, envelope, book)
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


def notification(number: int) -> str:
    """What S3 says of one upload, as it comes in a message."""
    found = upload(number % KEYS, number // KEYS).asset
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": timestamp(NOW),
        "eventName": EVENT,
        "userIdentity": {"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "headrace",
            "bucket": {"name": found.bucket, "arn": f"arn:aws:s3:::{found.bucket}"},
            "object": {
                "key": found.key,
                "size": found.size,
                "eTag": found.etag,
                "versionId": found.version_id,
                "sequencer": found.sequencer,
            },
        },
    }
    return orjson.dumps({"Records": [record]}).decode()
