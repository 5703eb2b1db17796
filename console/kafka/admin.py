"""The log and the consumer groups of a cluster, as a replay asks about and moves them. A door to confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from headrace.console.errors import CommandError
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import Topic

PATIENCE_SECONDS = 0.25
TIMEOUT = 5.0
CHANGE_SECONDS = 30.0
"""How long a cluster may take to make or delete topics, as in `schemas.kafka.clients`."""


class KafkaAdmin(TopicReader):
    """One cluster. Errors of Kafka come as `KafkaException`."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings)
        self._admin = clients.admin(settings)
        self._log = LogReader(settings)
        self._groups = ConsumerGroups(settings)

    def require(self, *names: str) -> None:
        """Raise `Refused` when a topic is not there."""
        missing = set(names) - self._log.topics().keys()
        if missing:
            raise CommandError(f"the cluster lacks {', '.join(sorted(missing))}: headrace topics apply")

    def times(self, offsets: dict[TopicAndPartition, int]) -> dict[TopicAndPartition, float]:
        """Say when the first record at or after an offset was written, in seconds since 1970, where there is one."""
        return self._log.timestamps(offsets)

    def offsets_at(self, places: Iterable[TopicAndPartition], at: float) -> dict[TopicAndPartition, int | None]:
        """Find the first record that was written at or after a moment; None where there is none."""
        asked = {TopicPartition(*place): OffsetSpec.for_timestamp(int(at * 1000)) for place in places}
        found = self._admin.list_offsets(asked, request_timeout=TIMEOUT) if asked else {}
        offsets = {(tp.topic, tp.partition): future.result().offset for tp, future in found.items()}
        return {place: offset if offset >= 0 else None for place, offset in offsets.items()}

    def members(self, group: str) -> tuple[str, ...]:
        """List the members of a consumer group, each `client id at host`. One that never was has none."""
        return self._groups.members([group])[group]

    def positions(self, group: str, places: Collection[TopicAndPartition]) -> dict[TopicAndPartition, CommittedOffset]:
        """Say what a consumer group has committed on some partitions; those without a commit are left out."""
        return self._groups.positions({group: places})[group]

    def move(self, group: str, offsets: Mapping[TopicAndPartition, int]) -> None:
        """Set a group's positions. Raises `Refused` when somebody is in it; it may then be moved in part."""
        self._groups.move(group, offsets)

    def names(self) -> set[str]:
        """List the topics."""
        return set(self._log.topics())

    def create(self, wanted: Collection[Topic]) -> None:
        """Create topics that are not there yet, and wait until the cluster knows them."""
        names = {topic.name for topic in wanted}
        clients.create_topics(self._admin, wanted, self.settings.replication_factor)
        deadline = time.monotonic() + TIMEOUT
        while names - self.names():
            if time.monotonic() > deadline:
                raise CommandError(
                    f"Kafka made topics and does not know them: {', '.join(sorted(names - self.names()))}"
                )
            time.sleep(PATIENCE_SECONDS)

    def forget(self, names: Iterable[str], group: str) -> None:
        """Delete topics and a consumer group."""
        for deleted in self._admin.delete_topics(list(names), request_timeout=CHANGE_SECONDS).values():
            deleted.result()
        self._groups.delete(group)
