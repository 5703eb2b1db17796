"""Clients of librdkafka that survive `broker_watch.ClientStuckError`: each kind has one way out.

A producer and an admin client replace the client inside. A consumer raises the error, and its owner opens another one
at the position that it knows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod, ref

import structlog
from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient

from headrace.schemas.kafka import broker_watch
from headrace.schemas.kafka.broker_watch import BrokerWatch, ClientStuckError

log = structlog.get_logger("headrace")

REPLACED = "Kafka answers, but the client has not reconnected"

OnError = Callable[[KafkaError], None]
Answers = Callable[[], bool]


def _ignore(_: KafkaError) -> None:
    """Delivery reports and exceptions carry failures too."""


class ReconnectingProducer:
    """A producer that replaces its client. Thread-safe.

    Records of a replaced client that are not acknowledged are reported with the error `_PURGE_QUEUE` or
    `_PURGE_INFLIGHT`; the caller sends them again, and a record may be on the log twice. `connect` creates a client
    that calls the given function with errors. `on_error` is called by `poll` and `flush`, and may raise an exception.
    """

    def __init__(
        self,
        connect: Callable[[OnError], Producer],
        answers: Answers,
        on_error: OnError | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._also_on_error = on_error or _ignore
        self._clock = clock
        self._watch = BrokerWatch(answers, clock)
        self._retired: list[tuple[Producer, float]] = []
        self._guard: threading.Thread | None = None
        self._report = _weak(self._on_error)
        self._current = connect(self._report)

    def __len__(self) -> int:
        """Return the number of records without a delivery report."""
        return len(self._current) + sum(len(old) for old, _ in list(self._retired))

    def produce(self, topic: str, *record: Any, **options: Any) -> None:
        """Queue a record, as `confluent_kafka.Producer.produce` does.

        Raises:
            BufferError: The queue is full.
            KafkaException: librdkafka rejects the record at once.
        """
        self._current.produce(topic, *record, **options)

    def poll(self, seconds: float = -1) -> int:
        """Call the delivery reports and errors that arrive within a time; return their number."""
        served = 0
        for retired in list(self._retired):
            old, since = retired
            if len(old):  # by a thread that had the old client in hand
                old.purge()
            served += old.poll(0)
            if not len(old) and self._clock() - since > broker_watch.PATIENCE_SECONDS:
                self._retired.remove(retired)
        return served + self._current.poll(seconds)

    def flush(self, seconds: float = -1) -> int:
        """Call delivery reports until there are none left, for some seconds; return the number of missing ones."""
        if self._retired:
            self.poll(0)
        left: int = self._current.flush(seconds)
        return left

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        """Ask a broker for the metadata of the cluster. Raises `KafkaException`."""
        return self._current.list_topics(topic, timeout)

    @property
    def is_down(self) -> bool:
        """Whether the client has lost all brokers, as far as it is known."""
        return self._watch.is_down

    def check(self) -> None:
        """Replace the client if it is stuck. Blocks for up to 10 s if a check is due."""
        if not self._watch.is_stuck(self._current):
            return
        new = self._connect(self._report)
        log.warning("kafka_client_replaced", reason=REPLACED)
        old, self._current = self._current, new
        self._watch.reset()
        self._retired.append((old, self._clock()))
        old.purge()

    def _on_error(self, error: KafkaError) -> None:
        """Watch the client from the moment when it has lost its brokers."""
        self._watch.on_error(error)
        if self._watch.is_down and (self._guard is None or not self._guard.is_alive()):
            self._guard = threading.Thread(target=_check_until_up, args=(ref(self),), name="kafka-check", daemon=True)
            self._guard.start()
        self._also_on_error(error)


def _weak(on_error: OnError) -> OnError:
    """Return a function that does not keep the producer alive: closing its client must not wait for the collector."""
    method = WeakMethod(on_error)

    def report(error: KafkaError) -> None:
        if (called := method()) is not None:
            called(error)

    return report


def _check_until_up(producer: ref[ReconnectingProducer]) -> None:
    """Check a producer until it has a broker, or nothing refers to it."""
    while True:
        time.sleep(broker_watch.PROBE_SECONDS)
        checked = producer()
        if checked is None or not checked.is_down:
            return
        try:
            checked.check()
        except Exception as error:  # a thread that ends here would leave the client stuck
            log.error("kafka_client_not_replaced", reason=f"{type(error).__name__}: {error}")
        del checked


class WatchedConsumer(Consumer):
    """A consumer that raises `ClientStuckError` in `poll` and `consume` once it is stuck. The caller opens another."""

    def __init__(self, config: Mapping[str, Any], answers: Answers) -> None:
        self._watch = BrokerWatch(answers)
        super().__init__({**config, "error_cb": self._watch.on_error})

    def poll(self, timeout: float = -1) -> Message | None:
        """Return a message or an error, as `confluent_kafka.Consumer.poll` does."""
        message = super().poll(timeout)
        if message is None:
            self._raise_if_stuck()
        return message

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        """Return messages and errors, as `confluent_kafka.Consumer.consume` does."""
        messages = super().consume(num_messages, timeout)
        if not messages:
            self._raise_if_stuck()
        return messages

    def _raise_if_stuck(self) -> None:
        if self._watch.is_stuck(self):
            log.warning("kafka_client_replaced", reason=REPLACED)
            raise ClientStuckError


class ReconnectingAdmin:
    """The admin client of a process that runs for long."""

    def __init__(self, connect: Callable[[OnError], AdminClient], answers: Answers) -> None:
        self._connect = connect
        self._watch = BrokerWatch(answers)
        self._current = connect(self._watch.on_error)

    def client(self) -> AdminClient:
        """Return a client: a new one if the last one is stuck. Blocks for up to 10 s if a check is due."""
        self._current.poll(0)  # serves errors
        if self._watch.is_stuck(self._current):
            self._current = self._connect(self._watch.on_error)
            self._watch.reset()
            log.warning("kafka_client_replaced", reason=REPLACED)
        return self._current
