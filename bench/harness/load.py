"""Produce the uploads that the runner benchmarks read: versions of 5,000 objects."""

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
    """Return the upload of one version of an object."""
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
    """A rate in records per second over `keys` keys; `key` is a format string for the key number."""

    key: str
    keys: int
    per_second: float


def keep_sending(cluster: KafkaSettings, topic: str, paces: Sequence[Pace], seconds: float) -> int:
    """Send uploads at constant rates; return their number."""
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
        raise RuntimeError("the broker did not accept the records")
    return sum(sent)


def fill(cluster: KafkaSettings, topic: str, records: int) -> float:
    """Produce uploads, one key after the other; return the mean record size in bytes without headers."""
    encoder = codec.load()
    clients.create_topics(clients.admin(cluster), [topics.Topic(topic, "uploads")], 1)
    producer = clients.producer(cluster, **{"queue.buffering.max.messages": 200_000, "linger.ms": 50})
    sizes = 0
    for each in range(records):
        event = upload(each % KEYS, each // KEYS)
        identity = root_id(event.asset, EVENT)
        envelope = EventMetadata(
            identity, "aws:s3", PREFIX + event.EVENT, timestamp(NOW), topics.subject_of(event), identity
        )
        sent = to_producer_record(event, envelope, encoder)
        headers: Any = list(sent.headers)
        sizes += len(sent.value or b"") + len(sent.key or b"")
        while True:
            try:
                producer.produce(topic, sent.value, sent.key, headers=headers)
                break
            except BufferError:
                producer.poll(0.05)
    if producer.flush(120):
        raise RuntimeError("the broker did not accept the records")
    return sizes / records


def notification(number: int) -> str:
    """Return the S3 notification of one upload."""
    asset = upload(number % KEYS, number // KEYS).asset
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
            "bucket": {"name": asset.bucket, "arn": f"arn:aws:s3:::{asset.bucket}"},
            "object": {
                "key": asset.key,
                "size": asset.size,
                "eTag": asset.etag,
                "versionId": asset.version_id,
                "sequencer": asset.sequencer,
            },
        },
    }
    return orjson.dumps({"Records": [record]}).decode()
