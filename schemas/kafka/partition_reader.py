"""Read one partition from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reading import consumer_record, next_batch
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord

BATCH = 1_000
POLL_SECONDS = 0.2
SILENT_POLLS = 150
"""Polls without an answer after which reading fails: 30 s."""


def read_partition(settings: KafkaSettings, topic: str, partition: int) -> Iterator[ConsumerRecord]:
    """Yield the records of a partition up to its end. Blocks.

    Raises:
        KafkaException: The broker does not answer, or rejects the request.
    """
    consumer = clients.simple_consumer(settings)
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        silent = 0
        while silent < SILENT_POLLS:
            messages = next_batch(consumer, BATCH, POLL_SECONDS)
            silent = 0 if messages else silent + 1
            for message in messages:
                error = message.error()
                if error is None:
                    yield consumer_record(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                elif error.fatal() or not error.retriable():
                    raise KafkaException(error)
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no answer about {topic}/{partition}"))
    finally:
        consumer.close()
