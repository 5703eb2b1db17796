"""Follows whole topics in a thread: what is there at once, later records as they come. Commits nothing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace.schemas.cloudevents import Header, Headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.topics import Topic

POLL_SECONDS = 0.2
BATCH = 500
ANSWER_SECONDS = 10.0
RETRY_SECONDS = 1.0

OnRecord = Callable[[bytes, Headers], None]


class TopicFollower:
    """Gives value and headers of every record of some topics to a function.

    An exception of `retry_on` gives it the same record again, once a second.
    It begins with what the broker has had since a moment, in seconds since 1970; without one, with all there is.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        wanted: Sequence[Topic],
        take: OnRecord,
        since: float = 0.0,
        retry_on: tuple[type[Exception], ...] = (),
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._take = take
        self._since = since
        self._retry_on = retry_on
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"follow-{wanted[0].name}", daemon=True)
        self._outage = OutageLog(reader=self._thread.name)

    def start(self, timeout: float = 30.0) -> bool:
        """Take what is there, then follow in the thread. False when the broker did not answer in time."""
        self._thread.start()
        return self._caught_up.wait(timeout)

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = clients.simple_consumer(self._settings)
        try:
            behind = self._assign(consumer)
            while not self._stop.is_set():
                self._poll(consumer, behind)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> set[tuple[str, int]]:
        there = self._there()
        behind = {(topic.name, number) for topic in self._wanted for number in range(there.get(topic.name, 0))}
        consumer.assign(self._begin(consumer, [TopicPartition(name, number, 0) for name, number in behind]))
        return behind

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Find the offsets to begin at; the beginning where the broker cannot tell, for it is never too early."""
        if not self._since or not partitions:
            return partitions
        asked = [TopicPartition(each.topic, each.partition, int(self._since * 1000)) for each in partitions]
        with contextlib.suppress(KafkaException):
            return list(consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS))
        return partitions

    def _there(self) -> dict[str, int]:
        """List the topics, however long the broker is away."""
        client = clients.admin(self._settings)
        while not self._stop.is_set():
            with contextlib.suppress(KafkaException):
                return clients.partition_counts(client, timeout=POLL_SECONDS)
        return {}

    def _give(self, value: bytes, headers: Headers) -> None:
        while not self._stop.is_set():
            try:
                self._take(value, headers)
            except self._retry_on as error:
                self._outage.down(str(error))
                self._stop.wait(RETRY_SECONDS)
            else:
                self._outage.recovered()
                return

    def _poll(self, consumer: Consumer, behind: set[tuple[str, int]]) -> None:
        """Hand over what there is; the end of a partition, once reached, takes it off those that are behind."""
        for message in consumer.consume(BATCH, POLL_SECONDS):
            error, value = message.error(), message.value()
            if error is None:
                if value is not None:
                    self._give(value, tuple(cast("Iterable[Header]", message.headers() or ())))
            elif error.code() == KafkaError._PARTITION_EOF:
                behind.discard((str(message.topic()), int(message.partition() or 0)))
        if not behind:
            self._caught_up.set()
