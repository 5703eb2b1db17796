"""The log as the console reads it, and what the cluster says of itself. The door to confluent-kafka."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from console.entry import Entry, open_record
from console.errors import Refused
from schemas import codec, kafka, topics
from schemas.envelope import Header
from schemas.log import NotPublished
from schemas.message import Received
from schemas.settings import KafkaSettings, SettingsError, load

BATCH = 1000
POLL_SECONDS = 0.25
TIMEOUT = 5.0
"""Seconds that the cluster has to answer a question."""

_COORDINATOR_STARTS = (
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)
"""What a cluster says for a while when it is asked about groups for the first time."""

Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records; `caught_up` once everything has been read that was there when reading began."""

    entries: tuple[Entry, ...]
    caught_up: bool


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets that a partition holds: from `low`, up to but not including `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: how many members it has, and the next offset of each partition that it has committed."""

    members: int
    committed: dict[Place, int]


class Log:
    """One cluster, for reading only. Errors of Kafka come as `KafkaException`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._admin = kafka.admin(settings)

    def topics(self) -> dict[str, int]:
        """List the topics with their number of partitions."""
        return kafka.existing_topics(self._admin, timeout=TIMEOUT)

    def read(self, names: Collection[str], wanted: Callable[[bytes], bool] | None = None) -> Iterator[Entry]:
        """Read topics from the beginning up to now. `wanted` sees the key, and saves decoding what is not."""
        for batch in self.follow(names, wanted):
            yield from batch.entries
            if batch.caught_up:
                return

    def follow(self, names: Collection[str], wanted: Callable[[bytes], bool] | None = None) -> Iterator[Batch]:
        """Read topics from the beginning and never end; with nothing new, give an empty batch now and then.

        Raises `Refused` when none of the topics is there.
        """
        there = self.topics()
        places = [(name, partition) for name in names for partition in range(there.get(name, 0))]
        if not places:
            raise Refused("the cluster has none of the pipeline's topics: headrace topics apply")
        consumer = kafka.reader(self.settings)
        book = codec.load()
        try:
            if topics.SCHEMAS.name in there:
                for message in _up_to_now(consumer, [(topics.SCHEMAS.name, 0)]):
                    _learn(book, message)
                places.append((topics.SCHEMAS.name, 0))
            behind = _assign(consumer, places)
            while True:
                yield Batch(tuple(_opened(_poll(consumer, behind), book, wanted)), not behind)
        finally:
            consumer.close()

    def published(self) -> set[str]:
        """List the fingerprints of the schemas on the log. The topic has to be there."""
        consumer = kafka.reader(self.settings)
        try:
            messages = list(_up_to_now(consumer, [(topics.SCHEMAS.name, 0)]))
        finally:
            consumer.close()
        return {(message.key() or b"").decode(errors="replace") for message in messages}

    def brokers(self) -> list[str]:
        """List the brokers, `host:port`."""
        found = self._admin.describe_cluster(request_timeout=TIMEOUT).result()
        return sorted(f"{node.host}:{node.port}" for node in found.nodes)

    def spans(self, names: Collection[str]) -> dict[Place, Span]:
        """Say which offsets the partitions of topics hold; topics that are not there are left out."""
        there = self.topics()
        places = [(name, partition) for name in names for partition in range(there.get(name, 0))]
        low = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {place: Span(low[place], high[place]) for place in places}

    def groups(self, names: Collection[str]) -> dict[str, Group]:
        """Say who is in consumer groups and how far they are. A group that never was has no members and no offsets."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return self._groups(names)
            except KafkaException as error:
                if error.args[0].code() not in _COORDINATOR_STARTS or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def _groups(self, names: Collection[str]) -> dict[str, Group]:
        members = self._admin.describe_consumer_groups(list(names), request_timeout=TIMEOUT)
        asked = {name: ConsumerGroupTopicPartitions(name) for name in names}
        # The broker takes one group a request; the requests go out together.
        offsets = [self._admin.list_consumer_group_offsets([each], request_timeout=TIMEOUT) for each in asked.values()]
        found = {}
        for name, future in ((name, future) for each in offsets for name, future in each.items()):
            committed = {(tp.topic, tp.partition): tp.offset for tp in future.result().topic_partitions or ()}
            known = {place: offset for place, offset in committed.items() if offset >= 0}
            found[name] = Group(_members(members[name]), known)
        return found

    def timestamps(self, offsets: dict[Place, int]) -> dict[Place, float]:
        """Say when the first record at or after an offset was written, in seconds since 1970, where there is one."""
        found: dict[Place, float] = {}
        if not offsets:
            return found
        consumer = kafka.reader(self.settings)
        try:
            waiting = set(offsets)
            consumer.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])
            while waiting:
                for message in _poll(consumer, waiting):
                    place = (str(message.topic()), int(message.partition() or 0))
                    if place in waiting:
                        found[place] = message.timestamp()[1] / 1000
                        waiting.discard(place)
                        consumer.incremental_unassign([TopicPartition(*place)])
        finally:
            consumer.close()
        return found

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
        asked = {TopicPartition(*place): spec for place in places}
        found = self._admin.list_offsets(asked, request_timeout=TIMEOUT) if asked else {}
        return {(tp.topic, tp.partition): future.result().offset for tp, future in found.items()}


def in_words(error: Exception) -> str | None:
    """Say an error of Kafka in one line; None for any other."""
    if isinstance(error, NotPublished):
        return f"Kafka did not take the schemas: {error}"
    if not isinstance(error, KafkaException):
        return None
    try:
        return kafka.in_words(error, load(KafkaSettings))
    except SettingsError:
        return f"Kafka: {error.args[0]}"


def _members(described: object) -> int:
    try:
        return len(described.result().members)  # type: ignore[attr-defined]
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise


def _assign(consumer: Consumer, places: Iterable[Place]) -> set[Place]:
    """Begin at the beginning. Gives what is still to be read up to now."""
    behind = set(places)
    consumer.assign([TopicPartition(*place, 0) for place in behind])
    return behind


def _up_to_now(consumer: Consumer, places: Iterable[Place]) -> Iterator[RawMessage]:
    behind = _assign(consumer, places)
    while behind:
        yield from _poll(consumer, behind)


def _poll(consumer: Consumer, behind: set[Place]) -> list[RawMessage]:
    """Fetch some messages; a partition whose end is reached is no longer behind."""
    found = []
    for message in consumer.consume(BATCH, POLL_SECONDS):
        error = message.error()
        if error is None:
            found.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            behind.discard((str(message.topic()), int(message.partition() or 0)))
        elif not error.retriable():
            raise KafkaException(error)
    return found


def _opened(
    messages: Iterable[RawMessage], book: codec.Codec, wanted: Callable[[bytes], bool] | None
) -> Iterator[Entry]:
    for message in messages:
        if message.topic() == topics.SCHEMAS.name:
            _learn(book, message)
        elif wanted is None or wanted(message.key() or b""):
            yield open_record(_received(message), book)


def _learn(book: codec.Codec, message: RawMessage) -> None:
    """Take a writer schema; what is none is passed over, since others may have written there too."""
    try:
        book.learn(json.loads(message.value() or b"{}"))
    except (ValueError, RecursionError):
        return


def _received(message: RawMessage) -> Received:
    return Received(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.timestamp()[1] / 1000,
        message.key(),
        message.value(),
        tuple(cast("Iterable[Header]", message.headers() or ())),
    )
