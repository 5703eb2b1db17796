"""The producer of the bridge. It logs outages, and replaces a client that does not reconnect.

librdkafka forgets brokers that a metadata answer does not name. An answer without any broker, such as that of a fenced
one, leaves the client without a broker for good, although the cluster answers others:
https://github.com/confluentinc/librdkafka/issues/5301
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.connectors.bridge.publish_spans import Delivered
from headrace.schemas.kafka.producer import enqueue
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.runtime.outage_log import OutageLog

PATIENCE_SECONDS = 60.0
"""Seconds without a broker before the cluster is asked whether it answers a new client."""
PROBE_SECONDS = 15.0
"""Seconds between two questions: more than the longest pause between two connects of librdkafka, 10 s."""
PROBES = 2

log = structlog.get_logger("headrace")


class BridgeProducer:
    """Sends records. Thread-safe.

    `connect` creates a producer and takes extra librdkafka options. `answers` returns whether the cluster answers a new
    client.
    """

    def __init__(
        self,
        connect: Callable[..., Producer],
        answers: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = partial(connect, error_cb=self._on_error)
        self._answers = answers
        self._clock = clock
        self._outage = OutageLog()
        self._down_since: float | None = None
        self._probes = 0
        self._retired: list[tuple[Producer, float]] = []
        self._current = self._connect()

    def enqueue(self, record: ProducerRecord, delivered: Delivered) -> bool:
        """Queue a record; return False while the queue is full. Raises `KafkaException` for a rejected record."""
        return enqueue(self._current, record, delivered)

    def poll(self, seconds: float) -> None:
        """Call the delivery reports that have arrived. Raises `KafkaException` for a fatal error."""
        for retired in list(self._retired):
            old, since = retired
            old.poll(0)
            if not len(old) and self._clock() - since > PATIENCE_SECONDS:  # a thread may still have queued a record
                self._retired.remove(retired)
        self._current.poll(seconds)

    def acknowledged(self, error: KafkaError | None) -> None:
        """Take the result of a record into account. Raises `KafkaException` for a fatal error."""
        if error is None:
            self._down_since = None
            self._outage.recovered()
            return
        self._outage.down(f"Kafka did not acknowledge a record: {error.str()}")
        _raise_fatal(error)

    def watch(self, closed: threading.Event) -> None:
        """Replace a client that does not reconnect, until the bridge is closed."""
        while not closed.wait(PROBE_SECONDS):
            self.check()

    def check(self) -> None:
        """Replace the client if it has had no broker for a minute, and the cluster answers new clients."""
        since = self._down_since
        if since is None or self._clock() - since < PATIENCE_SECONDS or not self._answers():
            self._probes = 0
            return
        self._probes += 1
        if self._probes >= PROBES:
            log.warning("kafka_client_replaced", reason="Kafka answers, but the client has not reconnected")
            self._replace()

    def _replace(self) -> None:
        """Create a new client. SQS delivers the messages of purged records again."""
        old, self._current = self._current, self._connect()
        self._probes, self._down_since = 0, None
        self._retired.append((old, self._clock()))
        old.purge()

    def _on_error(self, error: KafkaError) -> None:
        """Log an outage of the cluster. The client sends its records once a broker is back."""
        _raise_fatal(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._down_since = self._clock() if self._down_since is None else self._down_since
            self._outage.down("no Kafka broker is reachable")


def _raise_fatal(error: KafkaError) -> None:
    """Raise a fatal error. The producer accepts no records after one."""
    if error.fatal():
        raise KafkaException(error)
