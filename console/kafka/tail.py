"""Read new records of a topic."""

from __future__ import annotations

from confluent_kafka import TopicPartition

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings


class TopicTail:
    """Reads a topic of one partition from an offset on. Call `close` at the end."""

    def __init__(self, settings: KafkaSettings, topic: str, offset: int) -> None:
        self._consumer = clients.simple_consumer(settings)
        self._consumer.assign([TopicPartition(topic, 0, offset)])

    def new(self) -> list[bytes]:
        """Return the values of new records, without waiting."""
        messages = self._consumer.consume(100, 0)
        return [value for message in messages if message.error() is None and (value := message.value())]

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
