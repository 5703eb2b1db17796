"""A durable subscription: a consumer group with a pattern. What was handed over is committed, and nothing before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import Message as Arrived

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
    """What is subscribed to: the group's name, topics, where a new group begins, and when to end.

    `count` ends it after so many events, `idle` after so many seconds without one; both may be None.
    """

    name: str
    topics: Sequence[str]
    begin: StartFrom = "earliest"
    count: int | None = None
    idle: float | None = None


EventFilter = Callable[[Mapping[str, Any]], bool]
OnEvent = Callable[[bytes], None]


def follow(wish: Subscription, settings: KafkaSettings, codec: Codec, wants: EventFilter, give: OnEvent) -> int:
    """Give each event that is wanted as a line of JSON, commit what was given, and say how many there were.

    What cannot be read is passed over: it is a dead letter of the stages already. Raises KafkaException.
    """
    consumer = clients.group_consumer(settings, GROUP + wish.name, wish.begin)
    consumer.subscribe(list(wish.topics))
    given, last, read = 0, time.monotonic(), _Read()
    try:
        while wish.count is None or given < wish.count:
            most = BATCH if wish.count is None else min(BATCH, wish.count - given)
            batch = read.records(consumer.consume(most, POLL_SECONDS))
            for line in _lines(batch, codec, wants):
                give(line)
                given += 1
            if batch:
                _commit(consumer, batch)
            if batch or not read.all(consumer):
                last = time.monotonic()
            elif wish.idle is not None and time.monotonic() - last > wish.idle:
                break
    finally:
        consumer.close()
    return given


class _Read:
    """Which partitions have been read to their end: only who has read all that there is can be idle."""

    def __init__(self) -> None:
        self._ended: set[tuple[str | None, int | None]] = set()

    def records(self, batch: Sequence[Arrived]) -> list[Arrived]:
        """Give the records of what arrived, and note the ends. Raises KafkaException."""
        records = []
        for arrived in batch:
            error, place = arrived.error(), (arrived.topic(), arrived.partition())
            if error is None:
                self._ended.discard(place)
                records.append(arrived)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ended.add(place)
            else:
                raise KafkaException(error)
        return records

    def all(self, consumer: Consumer) -> bool:
        """Whether every partition that is ours has been read to its end."""
        ours = consumer.assignment()
        return bool(ours) and all((each.topic, each.partition) in self._ended for each in ours)


def _lines(batch: Sequence[Arrived], codec: Codec, wants: EventFilter) -> Iterator[bytes]:
    for arrived in batch:
        received = ConsumerRecord(
            str(arrived.topic()),
            arrived.partition() or 0,
            arrived.offset() or 0,
            (arrived.timestamp()[1] or 0) / 1000,
            arrived.key(),
            arrived.value(),
            tuple(cast(Any, arrived.headers()) or ()),
        )
        try:
            event = to_eventbridge_event(
                received, codec.decode_or_fetch(received.value), from_headers(received.headers)
            )
        except (DecodeError, InvalidEventError):
            continue
        if wants(event):
            yield orjson.dumps(event)


def _commit(consumer: Consumer, batch: Sequence[Arrived]) -> None:
    """Commit behind the last of each partition."""
    last = {(message.topic(), message.partition()): message for message in batch}
    for message in last.values():
        consumer.commit(message=message, asynchronous=False)
