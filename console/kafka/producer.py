"""A producer that counts acknowledgements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as RawMessage

from headrace.console.kafka.group_lock import (
    FLUSH_SECONDS,
    POLL_SECONDS,
    SERVED_AT_ONCE,
    OnDelivery,
    _nobody,
)
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord


class AckedProducer:
    """Sends records and tells of each acknowledgement. The first record that is not taken ends it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = clients.producer(settings)
        self._failure: KafkaError | None = None
        self._unserved = 0

    def send(self, message: ProducerRecord, taken: Callable[[], None] = _nobody) -> None:
        """Send a record; `taken` is called once it is durable, while others are sent, or `serve` or `flush` runs."""

        def report(error: KafkaError | None, _: RawMessage) -> None:
            if error is None:
                taken()
            else:
                self._failure = self._failure or error

        headers: list[Any] = list(message.headers)
        while not self._queued(message, headers, report):
            self.serve(POLL_SECONDS)
        self._unserved += 1
        if self._unserved == SERVED_AT_ONCE:
            self.serve()

    def serve(self, seconds: float = 0.0) -> None:
        """Hear of acknowledgements. Raises `KafkaException` when a record was not taken."""
        self._unserved = 0
        self._producer.poll(seconds)
        if self._failure is not None:
            raise KafkaException(self._failure)

    def flush(self) -> None:
        """Wait for everything under way. Raises `KafkaException` when a record was not taken."""
        left = self._producer.flush(FLUSH_SECONDS)
        self.serve()
        if left:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def _queued(self, message: ProducerRecord, headers: list[Any], report: OnDelivery) -> bool:
        """Hand a record to librdkafka; False while its queue is full."""
        try:
            self._producer.produce(message.topic, message.value, message.key, headers=headers, on_delivery=report)
        except BufferError:
            return False
        return True
