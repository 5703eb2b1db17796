"""Exclusive membership of a replay's consumer group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from confluent_kafka import Consumer, KafkaException, TopicPartition

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

SESSION_SECONDS = 6.0
"""Seconds until the lock of a killed process expires."""
JOIN_SECONDS = 30.0
POLL_SECONDS = 0.1


class GroupLock:
    """The only member of a consumer group: no other redrive can join it, and its offsets cannot be reset."""

    def __init__(self, settings: KafkaSettings, group: str, topic: str, partitions: int) -> None:
        self._group = group
        self._topic = topic
        self._partitions = partitions
        self._assigned: list[TopicPartition] = []
        session = {"session.timeout.ms": int(SESSION_SECONDS * 1000), "heartbeat.interval.ms": 2000}
        self._consumer = clients.simple_consumer(
            settings, **{"group.id": group, "enable.partition.eof": False, **session}
        )

    def __enter__(self) -> GroupLock:
        """Join the group.

        Raises:
            CommandError: another redrive is a member.
        """
        self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke)
        deadline = time.monotonic() + JOIN_SECONDS
        while not self._assigned and time.monotonic() < deadline:
            self._poll(POLL_SECONDS)
        if len(self._assigned) != self._partitions:
            self._consumer.close()
            raise CommandError(f"another redrive uses the group {self._group}: wait for its end")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Leave the group, so that the next redrive need not wait for the session timeout."""
        self._consumer.close()

    def keep(self) -> None:
        """Send a heartbeat.

        Raises:
            CommandError: another redrive has taken over the group.
        """
        self._poll(0)
        if len(self._assigned) != self._partitions:
            raise CommandError(
                f"another redrive has taken over the group {self._group}: nothing more is sent from here"
            )

    def commit(self, positions: Mapping[TopicAndPartition, CommittedOffset]) -> None:
        """Commit offsets with metadata; they are durable when this returns."""
        offsets = [TopicPartition(*place, each.offset, each.note) for place, each in positions.items()]
        if offsets:
            self._consumer.commit(offsets=offsets, asynchronous=False)

    def _poll(self, seconds: float) -> None:
        for message in self._consumer.consume(1, seconds):
            error = message.error()
            if error is not None and not error.retriable():
                raise KafkaException(error)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Assign the partitions, paused: records are read by another consumer."""
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._assigned = partitions

    def _revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        consumer.unassign()
        self._assigned = []
