"""Consumer groups: their members, their committed offsets, and how to move and delete them. A door to confluent-kafka.

Committed offsets are never read through the admin client, which can crash the process: see decision 18.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

T = TypeVar("T")

ANSWER_SECONDS = 5.0
"""How long a group's coordinator may take to answer one question, from its first attempt to its last."""
DELETE_SECONDS = 30.0
PAUSE_SECONDS = 0.25
AT_ONCE = 8
"""Groups that are asked at the same time; each needs a consumer, with some five threads of librdkafka's."""

_STARTING = (
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)
"""What brokers answer for a while when a group has no coordinator yet, or has just been given another one."""
_SILENT = (KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT)
_ACTIVE_MEMBERS = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP)


class ConsumerGroups:
    """The consumer groups of one cluster.

    Every question is repeated while the group's coordinator starts. Raises `Refused`, naming the group, when there is
    no answer within ANSWER_SECONDS; other errors of Kafka come as `KafkaException`.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = clients.admin(settings)

    def members(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """List the members of groups, each `client id at host`. A group that never was has none."""
        return _for_each(names, self._members)

    def positions(
        self, wanted: Mapping[str, Collection[TopicAndPartition]]
    ) -> dict[str, dict[TopicAndPartition, CommittedOffset]]:
        """Read what groups have committed on the partitions that are named for each; partitions without are left out.

        Joins no group.
        """
        return _for_each(wanted, lambda name: self._positions(name, wanted[name]))

    def move(self, name: str, offsets: Mapping[TopicAndPartition, int]) -> None:
        """Commit offsets for a group. Raises `Refused` when it has members; it may then be moved in part."""
        self._ask(name, lambda seconds: self._commit(name, offsets, seconds))

    def delete(self, name: str) -> None:
        """Delete a group, if there is one."""
        try:
            self._admin.delete_consumer_groups([name], request_timeout=DELETE_SECONDS)[name].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise

    def _members(self, name: str) -> tuple[str, ...]:
        return self._ask(name, lambda seconds: self._describe(name, seconds))

    def _describe(self, name: str, seconds: float) -> tuple[str, ...]:
        try:
            described = self._admin.describe_consumer_groups([name], request_timeout=seconds)[name].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return ()
            raise
        return tuple(sorted(f"{member.client_id} at {member.host.lstrip('/')}" for member in described.members))

    def _positions(self, name: str, places: Collection[TopicAndPartition]) -> dict[TopicAndPartition, CommittedOffset]:
        if not places:
            return {}
        consumer = clients.observer(self._settings, name)
        asked = [TopicPartition(*place) for place in places]
        try:
            found = self._ask(name, lambda seconds: _without_errors(consumer.committed(asked, timeout=seconds)))
        finally:
            consumer.close()
        return {
            (tp.topic, tp.partition): CommittedOffset(tp.offset, tp.metadata or "") for tp in found if tp.offset >= 0
        }

    def _commit(self, name: str, offsets: Mapping[TopicAndPartition, int], seconds: float) -> None:
        wanted = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        asked = [ConsumerGroupTopicPartitions(name, wanted)]
        moved = self._admin.alter_consumer_group_offsets(asked, request_timeout=seconds)[name].result()
        errors = [tp.error for tp in moved.topic_partitions if tp.error]
        if any(error.code() in _ACTIVE_MEMBERS for error in errors):
            raise CommandError(f"somebody has joined the group {name}: its offsets were not changed")
        if errors:
            raise KafkaException(errors[0])

    def _ask(self, name: str, ask: Callable[[float], T]) -> T:
        """Ask about a group, again while its coordinator starts; `ask` is told how many seconds are left."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return ask(max(PAUSE_SECONDS, deadline - time.monotonic()))  # less than 0 would be for ever
            except KafkaException as error:
                if error.args[0].code() not in (*_STARTING, *_SILENT):
                    raise
                if time.monotonic() + PAUSE_SECONDS >= deadline:
                    raise CommandError(self._no_answer(name, error.args[0])) from error
            time.sleep(PAUSE_SECONDS)

    def _no_answer(self, name: str, error: KafkaError) -> str:
        servers = self._settings.bootstrap_servers
        why = f": {error.str()}" if error.code() in _STARTING else ""
        return f"Kafka at {servers} did not answer about the consumer group {name} within {ANSWER_SECONDS:g} s{why}"


def _without_errors(found: list[TopicPartition]) -> list[TopicPartition]:
    for tp in found:
        if tp.error:
            raise KafkaException(tp.error)
    return found


def _for_each(names: Collection[str], ask: Callable[[str], T]) -> dict[str, T]:
    """Ask about groups, some at the same time. After the first failure no other group is asked."""
    if len(names) == 1:
        return {name: ask(name) for name in names}
    threads = ThreadPoolExecutor(AT_ONCE, "consumer-groups")
    try:
        return dict(zip(names, threads.map(ask, names), strict=True))
    finally:
        threads.shutdown(cancel_futures=True)
