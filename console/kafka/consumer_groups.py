"""Read, move and delete consumer groups with confluent-kafka.

The admin client never reads committed offsets here: it can crash the process, see decision 18.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

T = TypeVar("T")

DELETE_SECONDS = 30.0
PAUSE_SECONDS = 0.25
MAX_CONCURRENT_REQUESTS = 8
"""Groups queried at the same time; each needs a consumer with about five librdkafka threads."""

_STARTING = (
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)
"""Transient errors of a group that has no coordinator yet, or a new one."""
_SILENT = (KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT)
_ACTIVE_MEMBERS = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP)


class ConsumerGroups:
    """The consumer groups of one cluster.

    Requests are retried while the coordinator of the group starts. Raises `CommandError`, naming the group, if it does
    not answer within `kafka_timeout_seconds`; other errors of Kafka are raised as `KafkaException`.
    """

    def __init__(self, settings: KafkaSettings, keeps_connections: bool = False) -> None:
        """With `keeps_connections`, reads of positions leave a connection open for each group, for the next read."""
        self._settings = settings
        self._admin = clients.reconnecting_admin(settings)
        self._kept: dict[str, Consumer] | None = {} if keeps_connections else None

    def members(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """List the members of groups, each `client id at host`. An unknown group has none."""
        return _for_each(names, self._members)

    def positions(
        self, wanted: Mapping[str, Collection[TopicAndPartition]]
    ) -> dict[str, dict[TopicAndPartition, CommittedOffset]]:
        """Read the committed offsets of groups on the given partitions; partitions without one are left out.

        Joins no group.
        """
        return _for_each(wanted, lambda name: self._positions(name, wanted[name]))

    def move(self, name: str, offsets: Mapping[TopicAndPartition, int]) -> None:
        """Commit offsets for a group.

        Raises:
            CommandError: the group has members; some partitions may have been moved.
        """
        self._request(name, lambda seconds: self._commit(name, offsets, seconds))

    def delete(self, name: str) -> None:
        """Delete a group, if there is one."""
        try:
            self._admin.client().delete_consumer_groups([name], request_timeout=DELETE_SECONDS)[name].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise

    def _members(self, name: str) -> tuple[str, ...]:
        return self._request(name, lambda seconds: self._describe(name, seconds))

    def _describe(self, name: str, seconds: float) -> tuple[str, ...]:
        try:
            described = self._admin.client().describe_consumer_groups([name], request_timeout=seconds)[name].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return ()
            raise
        return tuple(sorted(f"{member.client_id} at {member.host.lstrip('/')}" for member in described.members))

    def _positions(self, name: str, places: Collection[TopicAndPartition]) -> dict[TopicAndPartition, CommittedOffset]:
        if not places:
            return {}
        partitions = [TopicPartition(*place) for place in places]
        with self._observer(name) as consumer:
            found = self._request(
                name, lambda seconds: _without_errors(consumer.committed(partitions, timeout=seconds))
            )
        return {(tp.topic, tp.partition): CommittedOffset(tp.offset, _metadata(tp)) for tp in found if tp.offset >= 0}

    @contextmanager
    def _observer(self, name: str) -> Iterator[Consumer]:
        """Return a consumer that reads the offsets of a group. One whose read failed is not kept."""
        kept = self._kept.pop(name, None) if self._kept is not None else None
        consumer = kept or clients.observer(self._settings, name)
        try:
            yield consumer
        except BaseException:
            consumer.close()
            raise
        if self._kept is None or self._kept.setdefault(name, consumer) is not consumer:
            consumer.close()

    def _commit(self, name: str, offsets: Mapping[TopicAndPartition, int], seconds: float) -> None:
        wanted = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        offsets_of_group = [ConsumerGroupTopicPartitions(name, wanted)]
        moved = (
            self._admin.client().alter_consumer_group_offsets(offsets_of_group, request_timeout=seconds)[name].result()
        )
        errors = [tp.error for tp in moved.topic_partitions if tp.error]
        if any(error.code() in _ACTIVE_MEMBERS for error in errors):
            raise CommandError(f"the group {name} has a new member: its offsets were not changed")
        if errors:
            raise KafkaException(errors[0])

    def _request(self, name: str, request: Callable[[float], T]) -> T:
        """Send a request, and retry while the coordinator starts. `request` takes the seconds that are left."""
        deadline = time.monotonic() + self._settings.kafka_timeout_seconds
        while True:
            try:
                return request(max(PAUSE_SECONDS, deadline - time.monotonic()))  # negative: no timeout
            except KafkaException as error:
                if error.args[0].code() not in (*_STARTING, *_SILENT):
                    raise
                if time.monotonic() + PAUSE_SECONDS >= deadline:
                    raise CommandError(self._no_answer(name, error.args[0])) from error
            time.sleep(PAUSE_SECONDS)

    def _no_answer(self, name: str, error: KafkaError) -> str:
        servers = self._settings.bootstrap_servers
        why = f": {error.str()}" if error.code() in _STARTING else ""
        seconds = f"{self._settings.kafka_timeout_seconds:g} s"
        return f"Kafka at {servers} did not answer about the consumer group {name} within {seconds}{why}"


def _without_errors(partitions: list[TopicPartition]) -> list[TopicPartition]:
    for tp in partitions:
        if tp.error:
            raise KafkaException(tp.error)
    return partitions


def _metadata(tp: TopicPartition) -> str:
    """Return the metadata of a committed offset; empty if confluent-kafka cannot decode it.

    It reads beyond metadata that does not end with a NUL, as other clients commit it: decision 30.
    """
    try:
        return tp.metadata or ""
    except UnicodeDecodeError:
        return ""


def _for_each(names: Collection[str], query: Callable[[str], T]) -> dict[str, T]:
    """Query groups in parallel. After the first failure no other group is queried."""
    if len(names) == 1:
        return {name: query(name) for name in names}
    threads = ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS, "consumer-groups")
    try:
        return dict(zip(names, threads.map(query, names), strict=True))
    finally:
        threads.shutdown(cancel_futures=True)
