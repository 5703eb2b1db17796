"""Durable subscriptions: a consumer group with a pattern. Offsets are committed after delivery."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import Message as RawMessage

from headrace.schemas.cloudevents import InvalidEventError, from_headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.routing.event_format import to_eventbridge_event

GROUP = "headrace.subscription."
POLL_SECONDS = 0.2
BATCH = 500

StartFrom = Literal["earliest", "latest"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """The name of the group, its topics, the start offset of a new group, and when to end.

    `count` is a number of events, `idle` a number of seconds without a record; None for no end.
    """

    name: str
    topics: Sequence[str]
    begin: StartFrom = "earliest"
    count: int | None = None
    idle: float | None = None


EventFilter = Callable[[Mapping[str, Any]], bool]
OnEvent = Callable[[Mapping[str, Any]], None]


def follow(
    subscription: Subscription, settings: KafkaSettings, codec: Codec, matches: EventFilter, on_event: OnEvent
) -> int:
    """Call `on_event` with each matching event, commit, and return the number of events.

    Undecodable records are skipped: the stages have already dead-lettered them.

    Raises:
        KafkaException: Kafka returned an error.
    """
    consumer = clients.group_consumer(settings, GROUP + subscription.name, subscription.begin)
    consumer.subscribe(list(subscription.topics))
    delivered, last, ends = 0, time.monotonic(), _PartitionEnds()
    try:
        while subscription.count is None or delivered < subscription.count:
            limit = BATCH if subscription.count is None else min(BATCH, subscription.count - delivered)
            batch = ends.records(consumer.consume(limit, POLL_SECONDS))
            for event in _events(batch, codec, matches):
                on_event(event)
                delivered += 1
            if batch:
                _commit(consumer, batch)
            if batch or not ends.all(consumer):
                last = time.monotonic()
            elif subscription.idle is not None and time.monotonic() - last > subscription.idle:
                break
    finally:
        consumer.close()
    return delivered


class _PartitionEnds:
    """The partitions that are read to their end. Idle time counts only when all of them are."""

    def __init__(self) -> None:
        self._ended: set[tuple[str | None, int | None]] = set()

    def records(self, batch: Sequence[RawMessage]) -> list[RawMessage]:
        """Return the records and note end-of-partition events. Raises KafkaException."""
        records = []
        for message in batch:
            error, place = message.error(), (message.topic(), message.partition())
            if error is None:
                self._ended.discard(place)
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ended.add(place)
            else:
                raise KafkaException(error)
        return records

    def all(self, consumer: Consumer) -> bool:
        """Whether every assigned partition is read to its end."""
        assigned = consumer.assignment()
        return bool(assigned) and all((each.topic, each.partition) in self._ended for each in assigned)


def _events(batch: Sequence[RawMessage], codec: Codec, matches: EventFilter) -> Iterator[Mapping[str, Any]]:
    for message in batch:
        record = ConsumerRecord(
            str(message.topic()),
            message.partition() or 0,
            message.offset() or 0,
            (message.timestamp()[1] or 0) / 1000,
            message.key(),
            message.value(),
            tuple(cast(Any, message.headers()) or ()),
        )
        try:
            event = to_eventbridge_event(record, codec.decode_or_fetch(record.value), from_headers(record.headers))
        except (DecodeError, InvalidEventError):
            continue
        if matches(event):
            yield event


def _commit(consumer: Consumer, batch: Sequence[RawMessage]) -> None:
    """Commit the offset after the last record of each partition."""
    last = {(message.topic(), message.partition()): message for message in batch}
    for message in last.values():
        consumer.commit(message=message, asynchronous=False)
