"""Timestamps of single records. They are remembered, since the timestamp of a record does not change."""

from __future__ import annotations

import time
from collections.abc import Collection

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace.console.errors import UnavailableError
from headrace.console.kafka.consumers import Consumers
from headrace.console.kafka.offsets import Position, TopicAndPartition

POLL_SECONDS = 0.25
SILENCE = 30.0
"""Seconds without a record after which a read fails."""


class RecordTimes:
    """Reads timestamps, and remembers those of the last call."""

    def __init__(self, consumers: Consumers) -> None:
        self._consumers = consumers
        self._known: dict[Position, float] = {}

    def read(self, positions: Collection[Position]) -> dict[Position, float]:
        """Return the timestamp of the first record at or after each position, in seconds since 1970, if there is one.

        Raises:
            UnavailableError: Kafka stopped answering.
        """
        found = {position: self._known[position] for position in positions if position in self._known}
        missing = set(positions) - found.keys()
        if missing:
            with self._consumers.open() as consumer:
                while missing:  # a partition has one offset at a time
                    offsets = {(topic, partition): offset for topic, partition, offset in missing}
                    found |= _first_times(consumer, offsets)
                    missing -= {(*place, offset) for place, offset in offsets.items()}
        self._known = found
        return dict(found)


def _first_times(consumer: Consumer, offsets: dict[TopicAndPartition, int]) -> dict[Position, float]:
    found: dict[Position, float] = {}
    waiting = dict(offsets)
    consumer.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])
    last_read = time.monotonic()
    while waiting:
        for message in consumer.consume(len(waiting), POLL_SECONDS):  # returns as soon as it has that many
            last_read, error = time.monotonic(), message.error()
            place = str(message.topic()), int(message.partition() or 0)
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                if error.retriable():
                    continue
                raise KafkaException(error)
            offset = waiting.pop(place, None)
            if offset is not None:
                consumer.incremental_unassign([TopicPartition(*place)])
                if error is None:
                    found[*place, offset] = message.timestamp()[1] / 1000
        if time.monotonic() - last_read > SILENCE:
            raise UnavailableError(f"Kafka did not answer within {SILENCE:g} s: no more records arrived")
    return found
