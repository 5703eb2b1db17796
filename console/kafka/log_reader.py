"""Read topics, offsets and cluster metadata with confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from headrace.console.errors import CommandError, UnavailableError
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.consumers import Consumers
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.offsets import GroupState, OffsetRange, Position, TopicAndPartition
from headrace.console.kafka.record_times import RecordTimes
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reachability import answered
from headrace.schemas.kafka.reading import consumer_record, next_batch
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec, registry
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError
from headrace.schemas.serde.writer_schema import parse_schema
from headrace.schemas.settings import SettingsError, load

BATCH = 1000
POLL_SECONDS = 0.25
SILENCE = 30.0
"""Seconds without a record, although there are more to read, after which a read fails."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Some records. `caught_up` once every record that existed at the start of the read has been read."""

    entries: tuple[LogEntry, ...]
    caught_up: bool


class LogReader:
    """Reads one cluster. Errors of Kafka are raised as `KafkaException`."""

    def __init__(self, settings: KafkaSettings, keeps_connections: bool = False) -> None:
        """`keeps_connections` is for a process that reads often."""
        self.settings = settings
        self._admin = clients.reconnecting_admin(settings)
        self._groups = ConsumerGroups(settings, keeps_connections)
        self._consumers = Consumers(settings, keeps_connections)
        self._times = RecordTimes(self._consumers)

    def topics(self) -> dict[str, int]:
        """List the topics with their number of partitions."""
        return answered(self.settings, lambda seconds: clients.partition_counts(self._admin.client(), timeout=seconds))

    def read(self, names: Collection[str], wanted: Callable[[bytes], bool] | None = None) -> Iterator[LogEntry]:
        """Read topics from the beginning to the end. Records whose key `wanted` rejects are not decoded."""
        for batch in self.follow(names, wanted):
            yield from batch.entries
            if batch.caught_up:
                return

    def follow(self, names: Collection[str], wanted: Callable[[bytes], bool] | None = None) -> Iterator[LogBatch]:
        """Read topics from the beginning and wait for new records; yields an empty batch while there are none.

        Raises:
            CommandError: none of the topics exists, or Kafka stopped answering.
        """
        places, schemas = self.partitions(names), self.partitions([topics.SCHEMAS.name])
        if not places:
            raise CommandError("the cluster has none of the pipeline's topics: run headrace topics apply")
        codec_ = registry.create_codec(self.settings)
        with self._consumers.open() as consumer:
            for message in _up_to_now(consumer, schemas):
                _learn(codec_, message)
            behind = _assign(consumer, places + schemas)
            for messages in _polls(consumer, behind):
                yield LogBatch(tuple(_decoded(messages, codec_, wanted)), not behind)

    def published(self) -> set[str]:
        """List the fingerprints of the published schemas. The topic has to exist."""
        with self._consumers.open() as consumer:
            messages = _up_to_now(consumer, [(topics.SCHEMAS.name, 0)])
            return {(message.key() or b"").decode(errors="replace") for message in messages}

    def brokers(self) -> list[str]:
        """List the brokers, `host:port`."""
        return sorted(f"{node.host}:{node.port}" for node in self._cluster().nodes)

    def cluster_id(self) -> str:
        """Return the id of the cluster."""
        return str(self._cluster().cluster_id)

    def spans(self, names: Collection[str]) -> dict[TopicAndPartition, OffsetRange]:
        """Return the offsets of each partition of topics; missing topics are left out."""
        places = self.partitions(names)
        low = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {place: OffsetRange(low[place], high[place]) for place in places}

    def groups(self, wanted: Mapping[str, Collection[TopicAndPartition]]) -> dict[str, GroupState]:
        """Read the number of members of consumer groups, and their committed offsets on the given partitions.

        An unknown group has no members and no offsets.

        Raises:
            CommandError: the coordinator of a group did not answer.
        """
        members, positions = self._groups.members(wanted), self._groups.positions(wanted)
        return {
            name: GroupState(
                len(members[name]),
                {place: position.offset for place, position in positions[name].items()},
                {place: position.note for place, position in positions[name].items()},
            )
            for name in wanted
        }

    def timestamps(self, positions: Collection[Position]) -> dict[Position, float]:
        """Return the timestamp of the first record at or after each position, in seconds since 1970."""
        return self._times.read(positions)

    def newest(self, name: str) -> dict[bytes, bytes]:
        """Return the newest value of each key of a topic. A topic that is missing has none."""
        places = [place for place, span in self.spans([name]).items() if span.low < span.high]
        if not places:
            return {}
        with self._consumers.open() as consumer:
            values = {message.key(): message.value() for message in _up_to_now(consumer, places)}
        return {key: value for key, value in values.items() if key and value}

    def partitions(self, names: Collection[str]) -> list[TopicAndPartition]:
        """List the partitions of topics; missing topics are left out."""
        partitions = self.topics()
        return [(name, partition) for name in names for partition in range(partitions.get(name, 0))]

    def _cluster(self) -> Any:
        return answered(
            self.settings, lambda seconds: self._admin.client().describe_cluster(request_timeout=seconds).result()
        )

    def _offsets(self, places: Iterable[TopicAndPartition], spec: OffsetSpec) -> dict[TopicAndPartition, int]:
        request = {TopicPartition(*place): spec for place in places}
        if not request:
            return {}

        def listed(seconds: float) -> dict[TopicAndPartition, int]:
            futures = self._admin.client().list_offsets(request, request_timeout=seconds)
            return {(tp.topic, tp.partition): future.result().offset for tp, future in futures.items()}

        return answered(self.settings, listed)


def describe_error(error: Exception) -> str | None:
    """Describe an error of Kafka in one line; None for any other error."""
    if isinstance(error, SchemasNotPublishedError):
        return f"Kafka did not accept the schemas: {error}"
    if not isinstance(error, KafkaException):
        return None
    try:
        return clients.describe_error(error, load(KafkaSettings))
    except SettingsError:
        return f"Kafka: {error.args[0]}"


def _assign(consumer: Consumer, places: Iterable[TopicAndPartition]) -> set[TopicAndPartition]:
    """Assign partitions from their start. Returns those that have unread records."""
    behind = set(places)
    consumer.assign([TopicPartition(*place, 0) for place in behind])
    return behind


def _up_to_now(consumer: Consumer, places: Iterable[TopicAndPartition]) -> Iterator[RawMessage]:
    return _until_read(consumer, _assign(consumer, places))


def _until_read(consumer: Consumer, behind: set[TopicAndPartition]) -> Iterator[RawMessage]:
    """Yield messages until `behind` is empty. The caller may remove partitions from it early."""
    for messages in _polls(consumer, behind):
        yield from messages
        if not behind:
            return


def _polls(consumer: Consumer, behind: set[TopicAndPartition]) -> Iterator[list[RawMessage]]:
    """Poll without end.

    Raises:
        UnavailableError: there are unread records, but none arrived for `SILENCE` seconds.
    """
    last_read = time.monotonic()
    while True:
        left = len(behind)
        found = _poll(consumer, behind)
        if found or not behind or len(behind) < left:
            last_read = time.monotonic()
        elif time.monotonic() - last_read > SILENCE:
            raise UnavailableError(f"Kafka did not answer within {SILENCE:g} s: no more records arrived")
        yield found


def _poll(consumer: Consumer, behind: set[TopicAndPartition]) -> list[RawMessage]:
    """Fetch some messages, and remove partitions that are read to the end from `behind`."""
    messages = []
    for message in next_batch(consumer, BATCH, POLL_SECONDS):
        error = message.error()
        if error is None:
            messages.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            behind.discard(_place(message))
        elif not error.retriable():
            raise KafkaException(error)
    return messages


def _place(message: RawMessage) -> TopicAndPartition:
    return str(message.topic()), int(message.partition() or 0)


def _decoded(
    messages: Iterable[RawMessage], codec_: codec.Codec, wanted: Callable[[bytes], bool] | None
) -> Iterator[LogEntry]:
    for message in messages:
        if message.topic() == topics.SCHEMAS.name:
            _learn(codec_, message)
        elif wanted is None or wanted(message.key() or b""):
            yield open_record(consumer_record(message), codec_)


def _learn(codec_: codec.Codec, message: RawMessage) -> None:
    """Add a writer schema. Invalid records are skipped: other producers may write to the topic."""
    try:
        codec_.add_writer_schema(parse_schema(message.value() or b"{}"))
    except ValueError:
        return
