"""Read topics from the start and follow them in a thread. Commits nothing.

No record ends the thread: one that cannot be read is skipped and reported with its offset. No error ends it either: it
is reported, and the thread continues behind the last record that it read.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.schemas.cloudevents import Headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.follow_start import FollowStart
from headrace.schemas.kafka.reading import consumer_record, next_batch, partitions_known, records_left
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.runtime.backoff import backoff_seconds
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.topics import Topic

POLL_SECONDS = 0.2
BATCH = 500
RETRY_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 30.0
PROGRESS_SECONDS = 5.0
NEW_PARTITIONS_SECONDS = 10.0
"""Seconds between looks for partitions that were created after the start."""
MAX_SKIPPED = 100
"""Skipped records that a follower remembers, the newest of each key."""
LONGEST_REASON = 300

OnRecord = Callable[[ConsumerRecord], None]

log = structlog.get_logger("headrace")


class SkippedRecord(NamedTuple):
    """A record that could not be read."""

    topic: str
    partition: int
    offset: int
    key: bytes
    reason: str


def each_value(on_value: Callable[[bytes, Headers], None]) -> OnRecord:
    """Return a function that passes on the value and headers of each record, and ignores tombstones."""

    def on_record(record: ConsumerRecord) -> None:
        if record.value is not None:
            on_value(record.value, record.headers)

    return on_record


class TopicFollower:
    """Calls `on_record` with every record of some topics.

    If `on_record` raises an exception of `retry_on`, the same record is delivered again after 1 s; after any other, the
    record is skipped. It starts at the first record since `since`, in seconds since 1970; 0 means the beginning.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[Topic],
        on_record: OnRecord,
        begin: float | Callable[[], FollowStart] = 0.0,
        retry_on: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = ", ".join(topic.name for topic in topics)
        self._settings = settings
        self._topics = topics
        self._on_record = on_record
        self._begin = begin
        self._begun: FollowStart | None = None
        self._retry_on = retry_on
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{topics[0].name}", daemon=True)
        self._outage = OutageLog(reader=self._thread.name)
        self._positions: dict[tuple[str, int], int] = {}
        self._skipped: dict[tuple[str, bytes], SkippedRecord] = {}
        self._records = 0
        self._problem = ""

    def start(self, timeout: float = 30.0) -> bool:
        """Start the thread and wait for the end of the topics; return False after `timeout` seconds."""
        self._thread.start()
        return self._caught_up.wait(timeout)

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    @property
    def caught_up(self) -> bool:
        """Whether every record that was there at the start has been delivered or skipped."""
        return self._caught_up.is_set()

    @property
    def records(self) -> int:
        """The number of records that were delivered or skipped."""
        return self._records

    def problem(self) -> str:
        """Return why no records are read; empty while they are."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stop.is_set():
            return f"the reader of {self.name} has ended"
        return self._problem

    def skipped(self) -> list[SkippedRecord]:
        """Return the skipped records that no later record of the same key replaces."""
        return list(self._skipped.values())

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            begin = self._records
            try:
                self._follow()
            except BaseException as error:  # a thread that ends here would end unnoticed
                failures = 1 if self._records > begin else failures + 1
                self._report(_reason(error))
                self._stop.wait(backoff_seconds(failures, RETRY_SECONDS, MAX_BACKOFF_SECONDS))

    def _report(self, problem: str) -> None:
        self._problem = f"{self.name}: {problem}"
        self._outage.down(problem)

    def _recovered(self) -> None:
        self._problem = ""
        self._outage.recovered()

    def _follow(self) -> None:
        consumer, names = clients.simple_consumer(self._settings), [topic.name for topic in self._topics]
        try:
            lagging = self._assign(consumer)
            reported = looked = time.monotonic()
            while not self._stop.is_set():
                self._poll(consumer, lagging)
                if time.monotonic() - looked > NEW_PARTITIONS_SECONDS:
                    looked = time.monotonic()
                    if partitions_known(consumer, names) > len(consumer.assignment()):
                        lagging |= self._assign(consumer)
                if lagging and time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    log.info("catching_up", topics=self.name, records=self._records, left=records_left(consumer))
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> set[tuple[str, int]]:
        counts = self._partition_counts()
        lagging = {(topic.name, number) for topic in self._topics for number in range(counts.get(topic.name, 0))}
        new = [TopicPartition(name, number, 0) for name, number in lagging if (name, number) not in self._positions]
        known = [TopicPartition(name, number, offset) for (name, number), offset in self._positions.items()]
        self._begun = self._begun or (self._begin() if callable(self._begin) else FollowStart(self._begin))
        consumer.assign(known + self._begun.offsets(consumer, new))
        return lagging

    def _partition_counts(self) -> dict[str, int]:
        """Return the partitions of each topic; wait for the broker."""
        client = clients.admin(self._settings)
        while not self._stop.is_set():
            with contextlib.suppress(KafkaException):
                return clients.partition_counts(client, timeout=POLL_SECONDS)
        return {}

    def _poll(self, consumer: Consumer, lagging: set[tuple[str, int]]) -> None:
        """Deliver records. Remove a partition from `lagging` once its end is reached."""
        for message in next_batch(consumer, BATCH, POLL_SECONDS):
            error = message.error()
            if error is None:
                if not self._deliver(message):
                    return
                self._positions[_partition(message)] = cast(int, message.offset()) + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                lagging.discard(_partition(message))
                self._recovered()
            else:
                self._report(error.str())
        if not lagging:
            self._caught_up.set()

    def _deliver(self, message: Message) -> bool:
        """Deliver or skip a record. Returns False if the thread stops first."""
        record = consumer_record(message)
        while not self._stop.is_set():
            try:
                self._on_record(record)
            except self._retry_on as error:
                self._report(str(error))
                self._stop.wait(RETRY_SECONDS)
            except Exception as error:  # the record is at fault, whatever it raises
                self._skip(message, _reason(error))
                return True
            else:
                self._skipped.pop(_key(message), None)
                self._records += 1
                self._recovered()
                return True
        return False

    def _skip(self, message: Message, reason: str) -> None:
        key = _key(message)
        record = SkippedRecord(*_partition(message), cast(int, message.offset()), key[1], reason)
        self._skipped.pop(key, None)
        self._skipped[key] = record
        if len(self._skipped) > MAX_SKIPPED:
            del self._skipped[next(iter(self._skipped))]
        self._records += 1
        log.error("record_skipped", topic=record.topic, partition=record.partition, offset=record.offset, reason=reason)


def _partition(message: Message) -> tuple[str, int]:
    return str(message.topic()), int(message.partition() or 0)


def _key(message: Message) -> tuple[str, bytes]:
    key = message.key()
    return str(message.topic()), key if isinstance(key, bytes) else b""


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:LONGEST_REASON]}"
