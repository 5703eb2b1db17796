"""The dead-letter topics as `headrace dlq` reads and writes them. Beside `console.kafka.log_reader`, the door to
confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from headrace.console.errors import CommandError
from headrace.console.kafka.log_reader import SILENCE, LogReader
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import SyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde import registry
from headrace.schemas.serde.codec import Codec
from headrace.schemas.serde.schema_topic import follow_schemas

BATCH = 200
"""Records at once: few enough to stay in the processor's cache, which makes all of it twice as fast as thousands."""
POLL_SECONDS = 0.25
ANSWER_SECONDS = 10.0
CLOCKS = 60.0
"""Seconds by which the clocks of those who write letters may differ."""

_LEADERS_CHANGE = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
"""What a cluster says of partitions for a moment after they were made, or after a broker was lost."""
_FETCH = {"fetch.message.max.bytes": 4 << 20, "queued.max.messages.kbytes": 65536}


class TopicReader:
    """The dead-letter topics of one cluster. Errors of Kafka come as `KafkaException`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def spans(self, names: Collection[str], since: float | None = None) -> dict[TopicAndPartition, OffsetRange]:
        """Say which offsets topics hold: all, or from about a moment on, in seconds since 1970."""
        held = self._spans(names)
        if since is None or not held:
            return held
        consumer = clients.simple_consumer(self.settings)
        try:
            asked = [TopicPartition(*place, int((since - CLOCKS) * 1000)) for place in held]
            found = consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS)
        finally:
            consumer.close()
        starts = {(str(each.topic), int(each.partition)): each.offset for each in found}
        return {place: OffsetRange(_start(starts[place], span), span.high) for place, span in held.items()}

    def _spans(self, names: Collection[str]) -> dict[TopicAndPartition, OffsetRange]:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return LogReader(self.settings).spans(names)
            except KafkaException as error:
                if error.args[0].code() not in _LEADERS_CHANGE or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def read(
        self, spans: Mapping[TopicAndPartition, OffsetRange], values: bool = False
    ) -> Iterator[list[ConsumerRecord]]:
        """Read spans, each list from one partition in its order. Only with `values` are values read: else all are None.

        Raises `Refused` when Kafka falls silent.
        """
        wanted = {place: span for place, span in spans.items() if span.high > span.low}
        if not wanted:
            return
        consumer = clients.simple_consumer(self.settings, **_FETCH)
        try:
            consumer.assign([TopicPartition(*place, span.low) for place, span in wanted.items()])
            heard = time.monotonic()
            while wanted:
                for found, group in groupby(consumer.consume(BATCH, POLL_SECONDS), _place):
                    heard, place = time.monotonic(), (str(found[0]), int(found[1] or 0))
                    records, ended = _records(place, group, values)
                    span = wanted.get(place)
                    if span and (ended or (records and records[-1].offset >= span.high - 1)):
                        del wanted[place]
                        consumer.incremental_unassign([TopicPartition(*place)])
                        records = [record for record in records if record.offset < span.high]
                    if span and records:
                        yield records
                if time.monotonic() - heard > SILENCE:
                    raise CommandError(f"Kafka does not answer any more: nothing came for {SILENCE:g} s")
        finally:
            consumer.close()

    def record(self, topic: str, partition: int, offset: int) -> ConsumerRecord | None:
        """Read one record with its value; None when it is no longer there."""
        span = {(topic, partition): OffsetRange(offset, offset + 1)}
        return next((record for records in self.read(span, values=True) for record in records), None)

    def codec(self) -> Codec:
        """Give a codec that knows every schema on the log, and asks the registry, if there is one, for others."""
        book = registry.create_codec(self.settings)
        follower = follow_schemas(self.settings, book)
        follower.start()
        follower.stop()
        return book

    def write(self, messages: Iterable[ProducerRecord]) -> int:
        """Write messages and return how many when the broker has all of them; raises `Refused` when it has not."""
        producer = SyncProducer(clients.producer(self.settings))
        count = 0
        for message in messages:
            count += 1
            try:
                producer.send(message)
            except KafkaException:
                break  # `flush` raises it again, once the records before it are delivered
        try:
            producer.flush(SILENCE)
        except KafkaException as error:
            reason = error.args[0].str()
            raise CommandError(f"Kafka did not take {producer.unacknowledged} of {count} records: {reason}") from error
        return count


def _start(offset: int, span: OffsetRange) -> int:
    """Place a start within its span; a negative offset says that there is nothing so new."""
    return max(offset, span.low) if offset >= 0 else span.high


def _place(message: RawMessage) -> tuple[str | None, int | None]:
    return message.topic(), message.partition()


def _records(place: TopicAndPartition, messages: Iterable[Any], values: bool) -> tuple[list[ConsumerRecord], bool]:
    """Take messages of one partition, and say whether they reach its end."""
    records, ended = [], False
    for message in messages:
        error = message.error()
        if error is None:
            value, headers = message.value() if values else None, tuple(message.headers() or ())
            at = message.timestamp()[1] / 1000
            records.append(ConsumerRecord(*place, message.offset(), at, message.key(), value, headers))
        elif error.code() == KafkaError._PARTITION_EOF:
            ended = True
        elif not error.retriable():
            raise KafkaException(error)
    return records, ended
