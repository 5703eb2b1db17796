"""Read one partition from its beginning to its end.

The end is the offset that the broker lists, not the first end of a fetch: a fetch ends at the high watermark that the
leader knows, and for a moment a new leader knows an older one than the last. ListOffsets waits until it does not
(KIP-207), so no acknowledged record is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reading import consumer_record, next_batch
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord

BATCH = 1_000
POLL_SECONDS = 0.2
SILENT_POLLS = 150
"""Polls without an answer after which reading fails: 30 s."""
LIST_SECONDS = 30.0


def read_partition(settings: KafkaSettings, topic: str, partition: int) -> Iterator[ConsumerRecord]:
    """Yield the records of a partition up to its end. Blocks.

    Raises:
        KafkaException: The broker does not answer, or rejects the request.
    """
    consumer = clients.simple_consumer(settings)
    where = TopicPartition(topic, partition, 0)
    try:
        begin, end = consumer.get_watermark_offsets(where, timeout=LIST_SECONDS)
        if begin < end:
            consumer.assign([where])
            yield from _read_to(consumer, end)
    finally:
        consumer.close()


def read_partition_if_exists(settings: KafkaSettings, topic: str, partition: int) -> Iterator[ConsumerRecord]:
    """Yield the records of a partition as `read_partition` does; nothing if the topic does not exist. Blocks.

    Raises:
        KafkaException: The broker does not answer, or rejects the request.
    """
    try:
        yield from read_partition(settings, topic, partition)
    except KafkaException as error:
        if error.args[0].code() not in (KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART):
            raise


def _read_to(consumer: Consumer, end: int) -> Iterator[ConsumerRecord]:
    """Yield records until the position is `end`; the last records before it may be compacted away."""
    position, silent = 0, 0
    while position < end:
        messages = next_batch(consumer, BATCH, POLL_SECONDS)
        silent = 0 if messages else silent + 1
        if silent == SILENT_POLLS:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no record below offset {end} arrives"))
        for message in messages:
            error = message.error()
            if error is None:
                position = cast(int, message.offset()) + 1
                yield consumer_record(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                position = cast(int, message.offset())
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
