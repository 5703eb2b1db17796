"""Read `machines.activities` as a member of a consumer group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from confluent_kafka import KafkaError, TopicPartition

from headrace.console.pipeline.acls import ACTIVITIES_GROUP
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reading import consumer_record, next_batch
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import ActivityScheduled
from headrace.schemas.serde.codec import Codec, DecodeError

BATCH = 100

TaskPlace = tuple[str, int]
"""A topic and a partition."""


class ActivityRecordSource(Protocol):
    """Where tasks are read."""

    def poll(self, seconds: float) -> Iterator[tuple[TaskPlace, int, ActivityScheduled]]:
        """Yield tasks with their partitions and offsets."""
        ...

    def commit(self, offsets: Mapping[TaskPlace, int]) -> None:
        """Commit the next offset of partitions."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class KafkaActivities:
    """Reads the topic."""

    def __init__(self, settings: KafkaSettings, codec: Codec) -> None:
        self._consumer = clients.group_consumer(settings, ACTIVITIES_GROUP, "earliest")
        self._consumer.subscribe([topics.MACHINE_ACTIVITIES.name])
        self._codec = codec
        self._committed: dict[TaskPlace, int] = {}

    def poll(self, seconds: float) -> Iterator[tuple[TaskPlace, int, ActivityScheduled]]:
        """Yield tasks with their partitions and offsets. An unreadable record is skipped."""
        for message in next_batch(self._consumer, BATCH, seconds):
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF and not error.retriable():
                    raise RuntimeError(error.str())
                continue
            record = consumer_record(message)
            try:
                event = self._codec.decode(record.value or b"")
            except DecodeError:
                continue
            if isinstance(event, ActivityScheduled):
                yield (record.topic, record.partition), record.offset, event

    def commit(self, offsets: Mapping[TaskPlace, int]) -> None:
        """Commit the offsets that have changed."""
        changed = {place: offset for place, offset in offsets.items() if self._committed.get(place) != offset}
        if changed:
            self._consumer.commit(offsets=[TopicPartition(*place, offset) for place, offset in changed.items()])
            self._committed |= changed

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
