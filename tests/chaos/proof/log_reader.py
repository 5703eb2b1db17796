"""Read the topics of a proof into its facts, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import MediaCompleted
from headrace.schemas.serde.codec import Codec
from headrace.streams.stage import Stage
from tests.chaos.proof.facts import Facts
from tests.chaos.support.feed import digest

BATCH = 5_000


def topics_of(stages: Iterable[Stage]) -> list[str]:
    """Return the topics that the checks read: inputs, results, retries and dead letters of the stages."""
    found = [topics.UPLOADED.name]
    for stage in stages:
        found += [topic.name for topic in (*stage.reads, stage.writes) if topic]
        found += [topics.retry(stage.name).name, topics.dead_letters(stage.name).name]
    return list(dict.fromkeys(found))


def read(cluster: KafkaSettings, names: Iterable[str], facts: Facts, codec: Codec) -> int:
    """Store the records of topics up to their current ends; return their number."""
    consumer = clients.simple_consumer(cluster)
    places = [TopicPartition(name, number, 0) for name in names for number in range(topics.PARTITIONS)]
    consumer.assign(places)
    open_ends, stored = len(places), 0
    while open_ends:
        rows = []
        for message in consumer.consume(BATCH, 10.0):
            error: Any = message.error()
            if error is None:
                rows.append(_row(message, codec))
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends -= 1
            else:
                raise KafkaException(error)
        facts.add("records", rows)
        stored += len(rows)
    consumer.close()
    return stored


def _row(message: Any, codec: Codec) -> tuple[Any, ...]:
    headers = tuple(message.headers() or ())
    values = {name: value for name, value in headers if value is not None}
    failed = None
    if message.topic() == topics.COMPLETED.name:
        event = codec.decode_or_fetch(message.value())
        assert isinstance(event, MediaCompleted)
        failed = len(event.failed)
    return (
        message.topic(),
        message.partition(),
        message.offset(),
        *(values.get(name, b"").decode() for name in ("ce_id", "ce_causationid", "ce_correlationid")),
        (message.key() or b"").decode(),
        digest(message.key(), message.value(), headers),
        failed,
    )
