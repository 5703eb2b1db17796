"""The log and the consumer groups of a cluster, as a replay asks about and moves them. A door to confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from console.dlq_log import LetterLog
from console.errors import Refused
from console.log import Log
from console.offsets import Place
from console.replay.position import Position
from schemas import kafka
from schemas.settings import KafkaSettings
from schemas.topics import Topic

T = TypeVar("T")

PATIENCE_SECONDS = 0.25
TIMEOUT = 5.0
CHANGE_SECONDS = 30.0
"""How long a cluster may take to make or delete topics, as in `schemas.kafka`."""

_COORDINATOR_STARTS = (
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)
_SOMEBODY_IS_THERE = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP)


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: its members, each `client id at host`, and its positions."""

    members: tuple[str, ...]
    positions: Mapping[Place, Position]


class Cluster(LetterLog):
    """One cluster. Errors of Kafka come as `KafkaException`."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings)
        self._admin = kafka.admin(settings)
        self._log = Log(settings)

    def require(self, *names: str) -> None:
        """Raise `Refused` when a topic is not there."""
        missing = set(names) - self._log.topics().keys()
        if missing:
            raise Refused(f"the cluster lacks {', '.join(sorted(missing))}: headrace topics apply")

    def times(self, offsets: dict[Place, int]) -> dict[Place, float]:
        """Say when the first record at or after an offset was written, in seconds since 1970, where there is one."""
        return self._log.timestamps(offsets)

    def offsets_at(self, places: Iterable[Place], at: float) -> dict[Place, int | None]:
        """Find the first record that was written at or after a moment; None where there is none."""
        asked = {TopicPartition(*place): OffsetSpec.for_timestamp(int(at * 1000)) for place in places}
        found = self._admin.list_offsets(asked, request_timeout=TIMEOUT) if asked else {}
        offsets = {(tp.topic, tp.partition): future.result().offset for tp, future in found.items()}
        return {place: offset if offset >= 0 else None for place, offset in offsets.items()}

    def group(self, name: str) -> Group:
        """Say who is in a consumer group and where it is. One that never was has no members and no positions."""
        return _patiently(lambda: self._group(name))

    def move(self, group: str, offsets: Mapping[Place, int]) -> None:
        """Set a group's positions. Raises `Refused` when somebody is in it; it may then be moved in part."""
        wanted = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        asked = [ConsumerGroupTopicPartitions(group, wanted)]
        answers = self._admin.alter_consumer_group_offsets(asked, request_timeout=TIMEOUT)
        for moved in answers[group].result().topic_partitions:
            if moved.error and moved.error.code() in _SOMEBODY_IS_THERE:
                raise Refused(f"somebody has joined the group {group}: its offsets were not changed")
            if moved.error:
                raise KafkaException(moved.error)

    def names(self) -> set[str]:
        """List the topics."""
        return set(self._log.topics())

    def create(self, wanted: Collection[Topic]) -> None:
        """Create topics that are not there yet, and wait until the cluster knows them."""
        names = {topic.name for topic in wanted}
        kafka.create_topics(self._admin, wanted, self.settings.replication_factor)
        deadline = time.monotonic() + TIMEOUT
        while names - self.names():
            if time.monotonic() > deadline:
                raise Refused(f"Kafka made topics and does not know them: {', '.join(sorted(names - self.names()))}")
            time.sleep(PATIENCE_SECONDS)

    def forget(self, names: Iterable[str], group: str) -> None:
        """Delete topics and a consumer group."""
        for deleted in self._admin.delete_topics(list(names), request_timeout=CHANGE_SECONDS).values():
            deleted.result()
        try:
            self._admin.delete_consumer_groups([group], request_timeout=CHANGE_SECONDS)[group].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise

    def _group(self, name: str) -> Group:
        described = self._admin.describe_consumer_groups([name], request_timeout=TIMEOUT)[name]
        asked = [ConsumerGroupTopicPartitions(name)]
        offsets = self._admin.list_consumer_group_offsets(asked, request_timeout=TIMEOUT)[name].result()
        positions = {
            (tp.topic, tp.partition): Position(tp.offset, tp.metadata or "")
            for tp in offsets.topic_partitions or ()
            if tp.offset >= 0
        }
        return Group(_members(described), positions)


def _members(described: Any) -> tuple[str, ...]:
    try:
        members = described.result().members
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return ()
        raise
    return tuple(sorted(f"{member.client_id} at {member.host.lstrip('/')}" for member in members))


def _patiently(ask: Callable[[], T]) -> T:
    """Ask again while the cluster is still finding out who coordinates its groups."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _COORDINATOR_STARTS or time.monotonic() > deadline:
                raise
            time.sleep(PATIENCE_SECONDS)
