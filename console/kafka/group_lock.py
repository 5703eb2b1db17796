"""What a replay holds while it runs: its seat in the group that is its position, its producer, its ear for orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from headrace.console.errors import Refused
from headrace.console.kafka.offsets import Place, Position
from headrace.schemas.kafka import clients
from headrace.schemas.messages import Message
from headrace.schemas.settings import KafkaSettings

SESSION_SECONDS = 6.0
"""How long a seat counts as taken whose holder was killed."""
JOIN_SECONDS = 30.0
POLL_SECONDS = 0.1
FLUSH_SECONDS = 60.0
SERVED_AT_ONCE = 50


Report = Callable[[KafkaError | None, RawMessage], None]


class Seat:
    """Membership of a group, so that no other redrive runs beside this one, and nobody moves the group meanwhile."""

    def __init__(self, settings: KafkaSettings, group: str, topic: str, partitions: int) -> None:
        self._group = group
        self._topic = topic
        self._partitions = partitions
        self._assigned: list[TopicPartition] = []
        session = {"session.timeout.ms": int(SESSION_SECONDS * 1000), "heartbeat.interval.ms": 2000}
        self._consumer = clients.reader(settings, **{"group.id": group, "enable.partition.eof": False, **session})

    def __enter__(self) -> Seat:
        """Sit down. Raises `Refused` when somebody else sits there too."""
        self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke)
        deadline = time.monotonic() + JOIN_SECONDS
        while not self._assigned and time.monotonic() < deadline:
            self._poll(POLL_SECONDS)
        if len(self._assigned) != self._partitions:
            self._consumer.close()
            raise Refused(f"another redrive has the group {self._group}: wait for its end")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Get up, so that the next one need not wait."""
        self._consumer.close()

    def keep(self) -> None:
        """Say that we are still there. Raises `Refused` when the seat was lost."""
        self._poll(0)
        if len(self._assigned) != self._partitions:
            raise Refused(f"another redrive has taken over the group {self._group}: nothing more is sent from here")

    def commit(self, positions: Mapping[Place, Position]) -> None:
        """Commit positions with their notes; they are durable when this returns."""
        offsets = [TopicPartition(*place, each.offset, each.note) for place, each in positions.items()]
        if offsets:
            self._consumer.commit(offsets=offsets, asynchronous=False)

    def _poll(self, seconds: float) -> None:
        for message in self._consumer.consume(1, seconds):
            error = message.error()
            if error is not None and not error.retriable():
                raise KafkaException(error)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Take the partitions without reading them: what is sent is read elsewhere, in its order."""
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._assigned = partitions

    def _revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        consumer.unassign()
        self._assigned = []


def _nobody() -> None:
    """Nobody wants to know."""


class Post:
    """Sends records and tells of each acknowledgement. The first record that is not taken ends it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = clients.producer(settings)
        self._failure: KafkaError | None = None
        self._unserved = 0

    def send(self, message: Message, taken: Callable[[], None] = _nobody) -> None:
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

    def _queued(self, message: Message, headers: list[Any], report: Report) -> bool:
        """Hand a record to librdkafka; False while its queue is full."""
        try:
            self._producer.produce(message.topic, message.value, message.key, headers=headers, on_delivery=report)
        except BufferError:
            return False
        return True


class Tail:
    """Hears what comes to a topic of one partition from an offset on. Close it in the end."""

    def __init__(self, settings: KafkaSettings, topic: str, offset: int) -> None:
        self._consumer = clients.reader(settings)
        self._consumer.assign([TopicPartition(topic, 0, offset)])

    def new(self) -> list[bytes]:
        """Give the values that have come since, without waiting."""
        found = self._consumer.consume(100, 0)
        return [value for message in found if message.error() is None and (value := message.value())]

    def close(self) -> None:
        """Hear no more."""
        self._consumer.close()
