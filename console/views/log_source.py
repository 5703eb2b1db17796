"""Read topics from stored offsets on, for the projector."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.pipeline.acls import VIEWS_GROUP
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.broker_watch import ClientStuckError
from headrace.schemas.kafka.reading import consumer_record
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord

BATCH = 5000
BATCH_BYTES = 32 << 20
_SLICE = 250
REFRESH_SECONDS = 30.0
MISSING_SECONDS = 3.0
"""Seconds until a second look at a topic that is missing: a broker that has just started may not list it yet."""
_OPTIONS = {"fetch.message.max.bytes": 4 << 20, "queued.max.messages.kbytes": 131072, "fetch.wait.max.ms": 100}

log = structlog.get_logger("headrace")

LoadOffsets = Callable[[Collection[TopicAndPartition]], Mapping[TopicAndPartition, int]]
"""Returns the stored next offset of partitions; those without one are missing."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Some records in the order of their partitions, the known ends of these, and partitions read to their end.

    A partition is only `finished` if no record follows: its end is then the offset after the last record, if any.
    """

    records: list[ConsumerRecord]
    ends: dict[TopicAndPartition, int]
    finished: dict[TopicAndPartition, int]


class RecordSource(Protocol):
    """Where a projector reads records."""

    def poll(self, seconds: float) -> Poll:
        """Return records, if there are some within a time."""
        ...

    def seek(self) -> None:
        """Read every partition from its stored offset on again."""
        ...

    def caught_up(self) -> bool:
        """Whether every partition was read to the end that it had at some time since the last `seek`."""
        ...


class LogSource:
    """Reads every partition of some topics, or shares them with the other members of a consumer group."""

    def __init__(
        self, settings: KafkaSettings, names: Collection[str], load_offsets: LoadOffsets, shared: bool = False
    ) -> None:
        self._settings = settings
        self._names = names
        self._load = load_offsets
        self._behind: set[TopicAndPartition] = set()
        self._assigned: set[TopicAndPartition] = set()
        self._gone: set[TopicAndPartition] = set()
        """Assigned partitions that the last look at the cluster has not found."""
        self._shared = shared
        self._refresh_at = 0.0
        self._joined = False
        self._consumer = self._open()

    def _open(self) -> Consumer:
        """Create a consumer; of a shared log, one that joins the group."""
        if not self._shared:
            return clients.simple_consumer(self._settings, **_OPTIONS)
        consumer = clients.group_consumer(self._settings, VIEWS_GROUP, "earliest")
        consumer.subscribe(list(self._names), on_assign=self._on_assign, on_revoke=self._on_revoke)
        return consumer

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def poll(self, seconds: float) -> Poll:
        """Return records, if there are some within a time.

        Raises:
            KafkaException: Kafka reported an error, or the topics could not be listed. `reopen` before the next poll.
        """
        if time.monotonic() >= self._refresh_at:
            self._refresh()
        records: list[ConsumerRecord] = []
        finished: dict[TopicAndPartition, int] = {}
        for message in self._messages(seconds):
            place = (str(message.topic()), int(message.partition() or 0))
            error = message.error()
            if error is None:
                records.append(consumer_record(message))
                finished.pop(place, None)  # written after the end was reached
            elif error.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(place)
                finished[place] = int(message.offset() or 0)
            elif not error.retriable() and error.code() != KafkaError._AUTO_OFFSET_RESET:
                raise KafkaException(error)
        places = dict.fromkeys((record.topic, record.partition) for record in records)
        return Poll(records, {place: self._end(place) for place in places}, finished)

    def seek(self) -> None:
        """Assign every partition again, from its stored offset on."""
        offsets = self._load(self._assigned)
        self._behind = set(self._assigned)
        self._consumer.assign([TopicPartition(*place, offsets.get(place, 0)) for place in self._assigned])

    def caught_up(self) -> bool:
        """Whether every partition was read to its end."""
        return self._joined and not self._behind

    def reopen(self) -> None:
        """Replace the consumer, after an error or because it does not reconnect. Continue at the stored offsets."""
        self._consumer.close()
        if self._shared:  # the group assigns the partitions
            self._assigned.clear()
            self._behind.clear()
            self._joined = False
        self._consumer = self._open()
        if not self._shared:
            self.seek()

    def _messages(self, seconds: float) -> list[RawMessage]:
        """Take messages for some time, up to 5,000 or until they have 32 MiB: a record may have 1 MiB."""
        messages: list[RawMessage] = []
        until, size = time.monotonic() + seconds, 0
        while len(messages) < BATCH and size < BATCH_BYTES:
            try:
                taken = self._consumer.consume(_SLICE, max(0.0, until - time.monotonic()))
            except ClientStuckError:
                self.reopen()
                break
            messages += taken
            size += sum(map(len, taken))
            if len(taken) < _SLICE:
                break
        return messages

    def _end(self, place: TopicAndPartition) -> int:
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        return max(0, end)

    def _refresh(self) -> None:
        """Check that Kafka answers, and assign new partitions: topics and partitions may be added."""
        self._refresh_at = time.monotonic() + REFRESH_SECONDS
        counts = clients.partition_counts(clients.admin(self._settings), timeout=self._settings.kafka_timeout_seconds)
        if self._shared:  # the group assigns partitions
            return
        places = {(name, number) for name in self._names for number in range(counts.get(name, 0))}
        gone = self._assigned - places
        self._leave(gone & self._gone)
        if gone - self._gone:
            self._refresh_at = time.monotonic() + MISSING_SECONDS
        self._gone = gone
        self._add(places - self._assigned)
        self._joined = True

    def _add(self, places: set[TopicAndPartition]) -> None:
        if places:
            offsets = self._load(places)
            self._consumer.incremental_assign([TopicPartition(*place, offsets.get(place, 0)) for place in places])
            self._assigned |= places
            self._behind |= places

    def _leave(self, gone: set[TopicAndPartition]) -> None:
        """Stop to read partitions of a deleted topic. They are assigned again once it exists."""
        for topic in sorted({topic for topic, _ in gone}):
            log.error("views_topic_missing", topic=topic, remedy="headrace topics apply")
        if gone:
            self._consumer.incremental_unassign([TopicPartition(*place) for place in gone])
            self._assigned -= gone
            self._behind -= gone

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._joined = True
        self._add({(each.topic, each.partition) for each in partitions})

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        revoked = {(each.topic, each.partition) for each in partitions}
        self._assigned -= revoked
        self._behind -= revoked
        consumer.incremental_unassign(partitions)
