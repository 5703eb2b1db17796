"""Read new records of a topic."""

from __future__ import annotations

from confluent_kafka import TopicPartition

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings


class TopicTail:
    """Hears what comes to a topic of one partition from an offset on. Close it in the end."""

    def __init__(self, settings: KafkaSettings, topic: str, offset: int) -> None:
        self._consumer = clients.simple_consumer(settings)
        self._consumer.assign([TopicPartition(topic, 0, offset)])

    def new(self) -> list[bytes]:
        """Give the values that have come since, without waiting."""
        found = self._consumer.consume(100, 0)
        return [value for message in found if message.error() is None and (value := message.value())]

    def close(self) -> None:
        """Hear no more."""
        self._consumer.close()
