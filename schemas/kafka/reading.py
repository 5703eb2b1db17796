"""Read batches of records from a consumer of librdkafka, and what it knows of their topics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message

from headrace.schemas.cloudevents import Header
from headrace.schemas.messages import ConsumerRecord

LIST_SECONDS = 10.0


def next_batch(consumer: Consumer, size: int, seconds: float) -> list[Message]:
    """Return at most `size` messages as soon as there is one. `consume` alone waits until the batch is full."""
    first = consumer.poll(seconds)
    return [] if first is None else [first, *consumer.consume(size - 1, 0)]


def consumer_record(message: Message) -> ConsumerRecord:
    """Convert a message without an error."""
    key, value = message.key(), message.value()
    return ConsumerRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.timestamp()[1] / 1000,
        key if isinstance(key, bytes) else None,
        value if isinstance(value, bytes) else None,
        tuple(cast("Iterable[Header]", message.headers() or ())),
    )


def records_left(consumer: Consumer) -> int:
    """Return the number of records up to the end of the assigned partitions, as far as the client knows it."""
    left = 0
    for position in consumer.position(consumer.assignment()):
        _, end = consumer.get_watermark_offsets(position, cached=True)
        left += max(0, end - max(position.offset, 0))
    return left


def partitions_known(consumer: Consumer, names: Iterable[str]) -> int:
    """Return the number of partitions that topics have now; a topic that the broker does not list has none."""
    count = 0
    for name in names:
        with contextlib.suppress(KafkaException):
            count += len(consumer.list_topics(name, timeout=LIST_SECONDS).topics[name].partitions)
    return count
