"""The log as schema registry: writers publish to `system.schemas`, readers load it and follow it."""

from __future__ import annotations

import json
from collections.abc import Iterable

import structlog
from confluent_kafka import KafkaError, Producer

from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec, fingerprint

log = structlog.get_logger("headrace")


class SchemasNotPublishedError(RuntimeError):
    """The broker did not take the schemas, so nothing may be written with them yet."""


def publish_schemas(producer: Producer, published: Iterable[SchemaVersion], timeout: float = 30.0) -> None:
    """Put every schema on the log, keyed by fingerprint. Must succeed before a writer's first record.

    Raises `NotPublished` when the broker does not acknowledge all of them in `timeout` seconds.
    """
    failed: list[str] = []

    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(str(error))

    for version in published:
        key = fingerprint(version.schema).hex().encode()
        producer.produce(topics.SCHEMAS.name, json.dumps(version.schema).encode(), key, on_delivery=delivered)
    if producer.flush(timeout) or failed:
        raise SchemasNotPublishedError(failed[0] if failed else f"no answer in {timeout:g} s")


def follow_schemas(settings: KafkaSettings, codec: Codec) -> TopicFollower:
    """Teach a codec every schema on the log: those that are there at once, later ones as they come."""

    def learn(value: bytes, _: Headers) -> None:
        """Pass over what is no schema: one bad record must not blind every reader of the log."""
        try:
            codec.add_writer_schema(json.loads(value))
        except (ValueError, RecursionError) as error:
            log.warning("not a schema", topic=topics.SCHEMAS.name, why=str(error))

    return TopicFollower(settings, [topics.SCHEMAS], learn)
