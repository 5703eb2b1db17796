"""Read ranges of topics and write records with confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from headrace.console.errors import CommandError, UnavailableError
from headrace.console.kafka.consumers import Consumers
from headrace.console.kafka.log_reader import SILENCE, LogReader
from headrace.console.kafka.offsets import OffsetRange, Position, TopicAndPartition
from headrace.console.kafka.published_codec import FollowedCodec, read_codec
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import SyncProducer
from headrace.schemas.kafka.reachability import answered
from headrace.schemas.kafka.reading import next_batch
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde.codec import Codec

BATCH = 200
"""Records per batch: few enough for the processor's cache, which is twice as fast as thousands."""
POLL_SECONDS = 0.25
CLOCKS = 60.0
"""Seconds by which the clocks of producers may differ."""

_LEADERS_CHANGE = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
"""Transient errors of partitions that are new, or that lost their leader."""
_FETCH = {"fetch.message.max.bytes": 4 << 20, "queued.max.messages.kbytes": 65536}


class TopicReader:
    """Reads and writes records of one cluster. Errors of Kafka are raised as `KafkaException`."""

    def __init__(self, settings: KafkaSettings, keeps_connections: bool = False) -> None:
        """`keeps_connections` is for a process that reads often: it also follows the published schemas."""
        self.settings = settings
        self._log = LogReader(settings, keeps_connections)
        self._consumers = Consumers(settings, keeps_connections, **_FETCH)
        self._codec = FollowedCodec(settings) if keeps_connections else None

    def spans(self, names: Collection[str], since: float | None = None) -> dict[TopicAndPartition, OffsetRange]:
        """Return the offsets of topics: all, or those from about a time on, in seconds since 1970."""
        ranges = self._spans(names)
        if since is None or not ranges:
            return ranges
        with self._consumers.open() as consumer:
            request = [TopicPartition(*place, int((since - CLOCKS) * 1000)) for place in ranges]
            found = answered(self.settings, lambda seconds: consumer.offsets_for_times(request, timeout=seconds))
        starts = {(str(each.topic), int(each.partition)): each.offset for each in found}
        return {place: OffsetRange(_start(starts[place], span), span.high) for place, span in ranges.items()}

    def _spans(self, names: Collection[str]) -> dict[TopicAndPartition, OffsetRange]:
        deadline = time.monotonic() + self.settings.kafka_timeout_seconds
        while True:
            try:
                return self._log.spans(names)
            except KafkaException as error:
                if error.args[0].code() not in _LEADERS_CHANGE or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def read(
        self, spans: Mapping[TopicAndPartition, OffsetRange], values: bool = False
    ) -> Iterator[list[ConsumerRecord]]:
        """Read ranges; each list has records of one partition in order. Without `values`, values are None.

        Raises:
            UnavailableError: Kafka stopped answering.
        """
        unread = {place: span for place, span in spans.items() if span.high > span.low}
        if not unread:
            return
        with self._consumers.open() as consumer:
            consumer.assign([TopicPartition(*place, span.low) for place, span in unread.items()])
            last_read = time.monotonic()
            while unread:
                for found, group in groupby(next_batch(consumer, BATCH, POLL_SECONDS), _place):
                    last_read, place = time.monotonic(), (str(found[0]), int(found[1] or 0))
                    records, ended = _records(place, group, values)
                    span = unread.get(place)
                    if span and (ended or (records and records[-1].offset >= span.high - 1)):
                        del unread[place]
                        consumer.incremental_unassign([TopicPartition(*place)])
                        records = [record for record in records if record.offset < span.high]
                    if span and records:
                        yield records
                if time.monotonic() - last_read > SILENCE:
                    raise UnavailableError(f"Kafka did not answer within {SILENCE:g} s: no more records arrived")

    def record(self, topic: str, partition: int, offset: int) -> ConsumerRecord | None:
        """Read one record with its value; None if it has expired."""
        span = {(topic, partition): OffsetRange(offset, offset + 1)}
        return next((record for records in self.read(span, values=True) for record in records), None)

    def records(self, positions: Iterable[Position]) -> dict[Position, ConsumerRecord]:
        """Read single records with their values, by topic, partition and offset; expired ones are left out."""
        left, found = set(positions), {}
        while left:
            spans = {(topic, partition): OffsetRange(offset, offset + 1) for topic, partition, offset in left}
            left -= {(topic, partition, span.low) for (topic, partition), span in spans.items()}
            for record in (record for records in self.read(spans, values=True) for record in records):
                found[record.topic, record.partition, record.offset] = record
        return found

    def codec(self) -> Codec:
        """Return a codec with every published schema, and with the registry if there is one."""
        return self._codec.get() if self._codec else read_codec(self.settings)

    def write(self, messages: Iterable[ProducerRecord]) -> int:
        """Write records, wait for all acknowledgements, and return their number.

        Raises:
            CommandError: a record was not acknowledged.
        """
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
            raise CommandError(
                f"Kafka did not acknowledge {producer.unacknowledged} of {count} records: {reason}"
            ) from error
        return count


def _start(offset: int, span: OffsetRange) -> int:
    """Limit a start offset to its range; a negative offset means that every record is older."""
    return max(offset, span.low) if offset >= 0 else span.high


def _place(message: RawMessage) -> tuple[str | None, int | None]:
    return message.topic(), message.partition()


def _records(place: TopicAndPartition, messages: Iterable[Any], values: bool) -> tuple[list[ConsumerRecord], bool]:
    """Convert messages of one partition. Also returns whether the end was reached."""
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
