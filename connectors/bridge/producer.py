"""The producer of the bridge. It logs outages and stops at fatal errors."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

from headrace.connectors.bridge.publish_spans import Delivered
from headrace.schemas.kafka.producer import enqueue
from headrace.schemas.kafka.reconnecting import ReconnectingProducer
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.runtime.outage_log import OutageLog


class BridgeProducer:
    """Sends records. Thread-safe. `connect` creates a producer and takes librdkafka options.

    SQS delivers the messages of records again that a replaced client did not send.
    """

    def __init__(self, connect: Callable[..., ReconnectingProducer]) -> None:
        self._outage = OutageLog()
        self._producer = connect(error_cb=self._on_error)

    def enqueue(self, record: ProducerRecord, delivered: Delivered) -> bool:
        """Queue a record; return False while the queue is full. Raises `KafkaException` for a rejected record."""
        return enqueue(self._producer, record, delivered)

    def poll(self, seconds: float) -> None:
        """Call the delivery reports that have arrived. Raises `KafkaException` for a fatal error."""
        self._producer.poll(seconds)

    def acknowledged(self, error: KafkaError | None) -> None:
        """Take the result of a record into account. Raises `KafkaException` for a fatal error."""
        if error is None:
            self._outage.recovered()
            return
        self._outage.down(f"Kafka did not acknowledge a record: {error.str()}")
        _raise_fatal(error)

    def _on_error(self, error: KafkaError) -> None:
        """Log an outage of the cluster. The client sends its records once a broker is back."""
        _raise_fatal(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._outage.down("no Kafka broker is reachable")


def _raise_fatal(error: KafkaError) -> None:
    """Raise a fatal error. The producer accepts no records after one."""
    if error.fatal():
        raise KafkaException(error)
