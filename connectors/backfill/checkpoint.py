"""How far a backfill has come, on the compacted topic `system.backfills`."""

from __future__ import annotations

import msgspec
import structlog

from headrace.connectors.backfill.listing import ListedObject
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.messages import ProducerRecord

ANSWER_SECONDS = 5.0

log = structlog.get_logger("headrace")


class BackfillError(RuntimeError):
    """The backfill cannot go on, in one line. Started again, it continues where it was."""


class BackfillCounts(msgspec.Struct, frozen=True):
    """What was listed: `sent` and, by what kept them out, `filtered`. `size` is that of the sent objects, in bytes."""

    sent: int = 0
    size: int = 0
    filtered: dict[str, int] = {}

    @property
    def listed(self) -> int:
        """All objects that were looked at."""
        return self.sent + sum(self.filtered.values())

    def plus(self, listed: ListedObject, why_not: str) -> BackfillCounts:
        """Count one object more."""
        if why_not:
            return BackfillCounts(self.sent, self.size, {**self.filtered, why_not: self.filtered.get(why_not, 0) + 1})
        return BackfillCounts(self.sent + 1, self.size + listed.size, self.filtered)


class Checkpoint(msgspec.Struct, frozen=True):
    """The state of one backfill: every object up to and with the key `after` is on the log or was filtered."""

    backfill: str
    after: str = ""
    done: bool = False
    counts: BackfillCounts = BackfillCounts()


def record(cursor: Checkpoint) -> ProducerRecord:
    """Give the record that says how far a backfill has come; the newest per backfill is kept."""
    return ProducerRecord(topics.BACKFILLS.name, cursor.backfill.encode(), msgspec.json.encode(cursor))


def read(cluster: KafkaSettings, backfill: str) -> Checkpoint:
    """Give what is known of a backfill; the beginning when nothing is. Raises `BackfillFailed` without Kafka."""
    newest = Checkpoint(backfill)

    def take(value: bytes, _: Headers) -> None:
        nonlocal newest
        try:
            found = msgspec.json.decode(value, type=Checkpoint)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("not a cursor", topic=topics.BACKFILLS.name, why=str(error))
            return
        if found.backfill == backfill:
            newest = found

    follower = TopicFollower(cluster, [topics.BACKFILLS], take)
    try:
        if not follower.start(ANSWER_SECONDS):
            raise BackfillError(clients.unreachable_message(cluster))
    finally:
        follower.stop()
    return newest
