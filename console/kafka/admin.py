"""Read and change topics and consumer groups of a cluster, with confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from headrace.console.errors import CommandError
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reachability import answered
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import Topic

POLL_SECONDS = 0.25
CHANGE_SECONDS = 30.0
"""Seconds in which the cluster has to create or delete topics, as in `schemas.kafka.clients`."""


class KafkaAdmin(TopicReader):
    """Administers one cluster. Errors of Kafka are raised as `KafkaException`."""

    def __init__(self, settings: KafkaSettings, keeps_connections: bool = False) -> None:
        super().__init__(settings, keeps_connections)
        self._admin = clients.reconnecting_admin(settings)
        self._groups = ConsumerGroups(settings, keeps_connections)

    def answers(self, seconds: float) -> bool:
        """Whether the cluster answers a request within some seconds."""
        try:
            clients.partition_counts(self._admin.client(), seconds)
        except KafkaException:
            return False
        return True

    def require(self, *names: str) -> None:
        """Check that topics exist.

        Raises:
            CommandError: one is missing.
        """
        missing = set(names) - self._log.topics().keys()
        if missing:
            raise CommandError(f"topics missing: {', '.join(sorted(missing))}. Run headrace topics apply")

    def times(self, offsets: dict[TopicAndPartition, int]) -> dict[TopicAndPartition, float]:
        """Return the timestamp of the first record at or after each offset, in seconds since 1970, if there is one."""
        times = self._log.timestamps([(*place, offset) for place, offset in offsets.items()])
        return {position[:2]: at for position, at in times.items()}

    def offsets_at(self, places: Iterable[TopicAndPartition], at: float) -> dict[TopicAndPartition, int | None]:
        """Find the offset of the first record at or after a time; None if there is none."""
        request = {TopicPartition(*place): OffsetSpec.for_timestamp(int(at * 1000)) for place in places}

        def listed(seconds: float) -> dict[TopicAndPartition, int]:
            futures = self._admin.client().list_offsets(request, request_timeout=seconds) if request else {}
            return {(tp.topic, tp.partition): future.result().offset for tp, future in futures.items()}

        offsets = answered(self.settings, listed)
        return {place: offset if offset >= 0 else None for place, offset in offsets.items()}

    def members(self, group: str) -> tuple[str, ...]:
        """List the members of a consumer group, each `client id at host`. An unknown group has none."""
        return self._groups.members([group])[group]

    def positions(self, group: str, places: Collection[TopicAndPartition]) -> dict[TopicAndPartition, CommittedOffset]:
        """Read the committed offsets of a consumer group; partitions without one are left out."""
        return self._groups.positions({group: places})[group]

    def move(self, group: str, offsets: Mapping[TopicAndPartition, int]) -> None:
        """Commit offsets for a group.

        Raises:
            CommandError: the group has members; some partitions may have been moved.
        """
        self._groups.move(group, offsets)

    def names(self) -> set[str]:
        """List the topics."""
        return set(self._log.topics())

    def create(self, wanted: Collection[Topic]) -> None:
        """Create missing topics, and wait until the cluster lists them."""
        names = {topic.name for topic in wanted}
        clients.create_topics(self._admin.client(), wanted, self.settings.replication_factor)
        deadline = time.monotonic() + self.settings.kafka_timeout_seconds
        while names - self.names():
            if time.monotonic() > deadline:
                raise CommandError(
                    f"Kafka created topics but does not list them: {', '.join(sorted(names - self.names()))}"
                )
            time.sleep(POLL_SECONDS)

    def forget(self, names: Iterable[str], group: str) -> None:
        """Delete topics and a consumer group."""
        for deleted in self._admin.client().delete_topics(list(names), request_timeout=CHANGE_SECONDS).values():
            deleted.result()
        self._groups.delete(group)
