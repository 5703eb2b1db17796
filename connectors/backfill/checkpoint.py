"""Checkpoints of backfills, on the compacted topic `system.backfills`."""

from __future__ import annotations

import msgspec
import structlog

from headrace.connectors.backfill.listing import ListedObject
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower, each_value
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct

ANSWER_SECONDS = 5.0

log = structlog.get_logger("headrace")


class BackfillError(RuntimeError):
    """A backfill failed. Running it again resumes at the checkpoint."""


class BackfillCounts(msgspec.Struct, frozen=True):
    """Listed objects: `sent`, and `filtered` by reason. `size` is bytes of the sent objects."""

    sent: int = 0
    size: int = 0
    filtered: dict[str, int] = {}

    @property
    def listed(self) -> int:
        """All listed objects."""
        return self.sent + sum(self.filtered.values())

    def plus(self, listed: ListedObject, why_not: str) -> BackfillCounts:
        """Return the counts with one more object."""
        if why_not:
            return BackfillCounts(self.sent, self.size, {**self.filtered, why_not: self.filtered.get(why_not, 0) + 1})
        return BackfillCounts(self.sent + 1, self.size + listed.size, self.filtered)


class Checkpoint(msgspec.Struct, frozen=True):
    """Progress of a backfill: every object up to and including the key `after` was sent or filtered."""

    backfill: str
    after: str = ""
    done: bool = False
    counts: BackfillCounts = BackfillCounts()


def record(cursor: Checkpoint) -> ProducerRecord:
    """Return the record of a checkpoint. Compaction keeps the newest per backfill."""
    return ProducerRecord(topics.BACKFILLS.name, cursor.backfill.encode(), msgspec.json.encode(cursor))


def read(cluster: KafkaSettings, backfill: str) -> Checkpoint:
    """Return the newest checkpoint of a backfill, or an empty one. Raises `BackfillError` without Kafka."""
    newest = Checkpoint(backfill)

    def take(value: bytes, _: Headers) -> None:
        nonlocal newest
        try:
            found = parse_struct(value, Checkpoint)
        except InvalidValueError as error:
            log.warning("invalid_checkpoint", topic=topics.BACKFILLS.name, reason=str(error))
            return
        if found.backfill == backfill:
            newest = found

    follower = TopicFollower(cluster, [topics.BACKFILLS], each_value(take))
    try:
        if not follower.start(ANSWER_SECONDS):
            raise BackfillError(clients.unreachable_message(cluster))
    finally:
        follower.stop()
    return newest
