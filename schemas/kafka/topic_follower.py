"""Read topics from the start and follow them in a thread. Commits nothing."""

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
    """Calls `on_record` with the value and headers of every record of some topics.

    If `on_record` raises an exception of `retry_on`, the same record is delivered again after 1 s.
    It starts at the first record since `since`, in seconds since 1970; 0 means the beginning.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[Topic],
        on_record: OnRecord,
        since: float = 0.0,
        retry_on: tuple[type[Exception], ...] = (),
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._on_record = on_record
        self._since = since
        self._retry_on = retry_on
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"follow-{topics[0].name}", daemon=True)
        self._outage = OutageLog(reader=self._thread.name)

    def start(self, timeout: float = 30.0) -> bool:
        """Start the thread and wait for the end of the topics; return False after `timeout` seconds."""
        self._thread.start()
        return self._caught_up.wait(timeout)

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = clients.simple_consumer(self._settings)
        try:
            lagging = self._assign(consumer)
            while not self._stop.is_set():
                self._poll(consumer, lagging)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> set[tuple[str, int]]:
        counts = self._partition_counts()
        lagging = {(topic.name, number) for topic in self._topics for number in range(counts.get(topic.name, 0))}
        consumer.assign(self._start_offsets(consumer, [TopicPartition(name, number, 0) for name, number in lagging]))
        return lagging

    def _start_offsets(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Return the offsets of `since`; the beginning if the broker returns none."""
        if not self._since or not partitions:
            return partitions
        times = [TopicPartition(each.topic, each.partition, int(self._since * 1000)) for each in partitions]
        with contextlib.suppress(KafkaException):
            return list(consumer.offsets_for_times(times, timeout=ANSWER_SECONDS))
        return partitions

    def _partition_counts(self) -> dict[str, int]:
        """Return the partitions of each topic; wait for the broker."""
        client = clients.admin(self._settings)
        while not self._stop.is_set():
            with contextlib.suppress(KafkaException):
                return clients.partition_counts(client, timeout=POLL_SECONDS)
        return {}

    def _deliver(self, value: bytes, headers: Headers) -> None:
        while not self._stop.is_set():
            try:
                self._on_record(value, headers)
            except self._retry_on as error:
                self._outage.down(str(error))
                self._stop.wait(RETRY_SECONDS)
            else:
                self._outage.recovered()
                return

    def _poll(self, consumer: Consumer, lagging: set[tuple[str, int]]) -> None:
        """Deliver records. Remove a partition from `lagging` once its end is reached."""
        for message in consumer.consume(BATCH, POLL_SECONDS):
            error, value = message.error(), message.value()
            if error is None:
                if value is not None:
                    self._deliver(value, tuple(cast("Iterable[Header]", message.headers() or ())))
            elif error.code() == KafkaError._PARTITION_EOF:
                lagging.discard((str(message.topic()), int(message.partition() or 0)))
        if not lagging:
            self._caught_up.set()
