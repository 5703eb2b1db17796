"""The log as the console reads it, and what the cluster says of itself. The door to confluent-kafka."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from headrace.console.errors import CommandError
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.schemas import topics
from headrace.schemas.cloudevents import Header
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde import codec, registry
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError
from headrace.schemas.settings import SettingsError, load

BATCH = 1000
POLL_SECONDS = 0.25
TIMEOUT = 5.0
"""Seconds that the cluster has to answer a question."""
SILENCE = 30.0
"""Seconds without a record, although there are more to read, after which nobody waits any longer."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Some records; `caught_up` once everything has been read that was there when reading began."""

    entries: tuple[LogEntry, ...]
    caught_up: bool


class LogReader:
    """One cluster, for reading only. Errors of Kafka come as `KafkaException`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._admin = clients.admin(settings)

    def topics(self) -> dict[str, int]:
        """List the topics with their number of partitions."""
        return clients.partition_counts(self._admin, timeout=TIMEOUT)

    def read(self, names: Collection[str], wanted: Callable[[bytes], bool] | None = None) -> Iterator[LogEntry]:
        """Read topics from the beginning up to now. `wanted` sees the key, and saves decoding what is not."""
        for batch in self.follow(names, wanted):
            yield from batch.entries
            if batch.caught_up:
                return

    def follow(self, names: Collection[str], wanted: Callable[[bytes], bool] | None = None) -> Iterator[LogBatch]:
        """Read topics from the beginning and never end; with nothing new, give an empty batch now and then.

        Raises `Refused` when none of the topics is there.
        """
        places, schemas = self._places(names), self._places([topics.SCHEMAS.name])
        if not places:
            raise CommandError("the cluster has none of the pipeline's topics: headrace topics apply")
        book = registry.create_codec(self.settings)
        with self._reader() as consumer:
            for message in _up_to_now(consumer, schemas):
                _learn(book, message)
            behind = _assign(consumer, places + schemas)
            for messages in _polls(consumer, behind):
                yield LogBatch(tuple(_opened(messages, book, wanted)), not behind)

    def published(self) -> set[str]:
        """List the fingerprints of the schemas on the log. The topic has to be there."""
        with self._reader() as consumer:
            messages = _up_to_now(consumer, [(topics.SCHEMAS.name, 0)])
            return {(message.key() or b"").decode(errors="replace") for message in messages}

    def brokers(self) -> list[str]:
        """List the brokers, `host:port`."""
        found = self._admin.describe_cluster(request_timeout=TIMEOUT).result()
        return sorted(f"{node.host}:{node.port}" for node in found.nodes)

    def spans(self, names: Collection[str]) -> dict[TopicAndPartition, OffsetRange]:
        """Say which offsets the partitions of topics hold; topics that are not there are left out."""
        places = self._places(names)
        low = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {place: OffsetRange(low[place], high[place]) for place in places}

    def groups(self, names: Collection[str], places: Collection[TopicAndPartition]) -> dict[str, GroupState]:
        """Count the members of consumer groups, and say what they have committed on some partitions.

        A group that never was has no members and no offsets. Raises `Refused`, naming a group that does not answer.
        """
        groups = ConsumerGroups(self.settings)
        members = groups.members(names)
        found = groups.positions(dict.fromkeys(names, places))
        return {
            name: GroupState(len(members[name]), {place: position.offset for place, position in found[name].items()})
            for name in names
        }

    def timestamps(self, offsets: dict[TopicAndPartition, int]) -> dict[TopicAndPartition, float]:
        """Say when the first record at or after an offset was written, in seconds since 1970, where there is one."""
        found: dict[TopicAndPartition, float] = {}
        if offsets:
            with self._reader() as consumer:
                waiting = set(offsets)
                consumer.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])
                for message in _until_read(consumer, waiting):
                    found.setdefault(_place(message), message.timestamp()[1] / 1000)
                    waiting.discard(_place(message))
        return found

    def _places(self, names: Collection[str]) -> list[TopicAndPartition]:
        there = self.topics()
        return [(name, partition) for name in names for partition in range(there.get(name, 0))]

    @contextmanager
    def _reader(self) -> Iterator[Consumer]:
        consumer = clients.simple_consumer(self.settings)
        try:
            yield consumer
        finally:
            consumer.close()

    def _offsets(self, places: Iterable[TopicAndPartition], spec: OffsetSpec) -> dict[TopicAndPartition, int]:
        asked = {TopicPartition(*place): spec for place in places}
        found = self._admin.list_offsets(asked, request_timeout=TIMEOUT) if asked else {}
        return {(tp.topic, tp.partition): future.result().offset for tp, future in found.items()}


def describe_error(error: Exception) -> str | None:
    """Say an error of Kafka in one line; None for any other."""
    if isinstance(error, SchemasNotPublishedError):
        return f"Kafka did not take the schemas: {error}"
    if not isinstance(error, KafkaException):
        return None
    try:
        return clients.describe_error(error, load(KafkaSettings))
    except SettingsError:
        return f"Kafka: {error.args[0]}"


def _assign(consumer: Consumer, places: Iterable[TopicAndPartition]) -> set[TopicAndPartition]:
    """Begin at the beginning. Gives what is still to be read up to now."""
    behind = set(places)
    consumer.assign([TopicPartition(*place, 0) for place in behind])
    return behind


def _up_to_now(consumer: Consumer, places: Iterable[TopicAndPartition]) -> Iterator[RawMessage]:
    return _until_read(consumer, _assign(consumer, places))


def _until_read(consumer: Consumer, behind: set[TopicAndPartition]) -> Iterator[RawMessage]:
    """Give messages until nothing is behind; whoever takes them may say so of a place before its end is reached."""
    for messages in _polls(consumer, behind):
        yield from messages
        if not behind:
            return


def _polls(consumer: Consumer, behind: set[TopicAndPartition]) -> Iterator[list[RawMessage]]:
    """Poll for ever. Raises `Refused` when nothing comes for long although not everything has been read."""
    heard = time.monotonic()
    while True:
        left = len(behind)
        found = _poll(consumer, behind)
        if found or not behind or len(behind) < left:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE:
            raise CommandError(f"Kafka does not answer any more: nothing came for {SILENCE:g} s")
        yield found


def _poll(consumer: Consumer, behind: set[TopicAndPartition]) -> list[RawMessage]:
    """Fetch some messages; a partition whose end is reached is no longer behind."""
    found = []
    for message in consumer.consume(BATCH, POLL_SECONDS):
        error = message.error()
        if error is None:
            found.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            behind.discard(_place(message))
        elif not error.retriable():
            raise KafkaException(error)
    return found


def _place(message: RawMessage) -> TopicAndPartition:
    return str(message.topic()), int(message.partition() or 0)


def _opened(
    messages: Iterable[RawMessage], book: codec.Codec, wanted: Callable[[bytes], bool] | None
) -> Iterator[LogEntry]:
    for message in messages:
        if message.topic() == topics.SCHEMAS.name:
            _learn(book, message)
        elif wanted is None or wanted(message.key() or b""):
            yield open_record(_received(message), book)


def _learn(book: codec.Codec, message: RawMessage) -> None:
    """Take a writer schema; what is none is passed over, since others may have written there too."""
    try:
        book.add_writer_schema(json.loads(message.value() or b"{}"))
    except (ValueError, RecursionError):
        return


def _received(message: RawMessage) -> ConsumerRecord:
    return ConsumerRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.timestamp()[1] / 1000,
        message.key(),
        message.value(),
        tuple(cast("Iterable[Header]", message.headers() or ())),
    )
