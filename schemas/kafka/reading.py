"""Read batches of records from a consumer of librdkafka."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from confluent_kafka import Consumer, Message

from headrace.schemas.cloudevents import Header
from headrace.schemas.messages import ConsumerRecord


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
