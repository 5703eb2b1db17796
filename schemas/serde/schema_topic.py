"""Kafka as schema registry: writers publish to `system.schemas`, readers load it and follow it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import SyncProducer
from headrace.schemas.kafka.reconnecting import ReconnectingProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower, each_value
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec
from headrace.schemas.serde.generic_avro import fingerprint
from headrace.schemas.serde.writer_schema import parse_schema


class SchemasNotPublishedError(RuntimeError):
    """Kafka did not acknowledge the schemas, so no record may be written with them yet."""


def publish_schemas(producer: ReconnectingProducer, published: Iterable[SchemaVersion], timeout: float = 30.0) -> None:
    """Write schemas to `system.schemas`, keyed by fingerprint. Must succeed before a writer's first record.

    Raises `SchemasNotPublishedError` if the broker does not acknowledge all of them within `timeout` seconds.
    """
    sync = SyncProducer(producer)
    try:
        for version in published:
            key = fingerprint(version.schema).hex().encode()
            sync.send(ProducerRecord(topics.SCHEMAS.name, key, _value(version)))
        sync.flush(timeout)
    except KafkaException as error:
        raise SchemasNotPublishedError(error.args[0].str()) from error


def publish_missing_schemas(settings: KafkaSettings, published: Iterable[SchemaVersion], timeout: float = 30.0) -> None:
    """Write the schemas that `system.schemas` lacks. Must succeed before a writer's first record.

    A process whose schemas are there needs no permission to write to the topic: `headrace topics apply` publishes them.

    Raises:
        SchemasNotPublishedError: the broker does not acknowledge all of them within `timeout` seconds.
    """
    missing = {_value(version): version for version in published}

    def remove(value: bytes, _: Headers) -> None:
        missing.pop(value, None)

    follower = TopicFollower(settings, [topics.SCHEMAS], each_value(remove))
    follower.start(timeout)
    follower.stop()
    if not missing:
        return
    try:
        publish_schemas(clients.producer(settings), missing.values(), timeout)
    except SchemasNotPublishedError as error:
        lacks = f"{topics.SCHEMAS.name} lacks {len(missing)} schemas"
        raise SchemasNotPublishedError(f'{lacks}: {error}. Run "headrace topics apply"') from error


def follow_schemas(settings: KafkaSettings, codec: Codec) -> TopicFollower:
    """Return a follower that adds every valid schema of `system.schemas` to a codec."""

    def add(value: bytes, _: Headers) -> None:
        codec.add_writer_schema(parse_schema(value))

    return TopicFollower(settings, [topics.SCHEMAS], each_value(add))


def _value(version: SchemaVersion) -> bytes:
    return json.dumps(version.schema).encode()
