"""Convert messages of confluent-kafka."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from confluent_kafka import Message as RawMessage

from headrace.schemas.cloudevents import Header
from headrace.schemas.messages import ConsumerRecord


def consumer_record(message: RawMessage) -> ConsumerRecord:
    """Convert a message without an error."""
    return ConsumerRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.timestamp()[1] / 1000,
        message.key(),
        message.value(),
        tuple(cast("Iterable[Header]", message.headers() or ())),
    )
