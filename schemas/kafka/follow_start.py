"""Where a reader of topics starts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, TopicPartition

ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class FollowStart:
    """The first record since `since`, in seconds since 1970; 0 means the beginning.

    `latest` has the largest offset of partitions, by topic and number: a reader starts there if the time is later.
    """

    since: float = 0.0
    latest: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def offsets(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Return the offsets of partitions; the beginning if the broker returns none. Blocks."""
        if not self.since or not partitions:
            return list(partitions)
        times = [TopicPartition(each.topic, each.partition, int(self.since * 1000)) for each in partitions]
        with contextlib.suppress(KafkaException):
            found = consumer.offsets_for_times(times, timeout=ANSWER_SECONDS)
            return [self._earlier(each) for each in found]
        return list(partitions)

    def _earlier(self, found: TopicPartition) -> TopicPartition:
        """Return the earlier one of an offset and `latest`. A negative offset is the end of the partition."""
        latest = self.latest.get((found.topic, found.partition))
        if latest is None or 0 <= found.offset <= latest:
            return found
        return TopicPartition(found.topic, found.partition, latest)
