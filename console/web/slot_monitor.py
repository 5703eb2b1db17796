"""The job slots that all workers share, as `system.slots` has them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.limits.job_quotas import JobQuotas
from headrace.streams.limits.slot_queue import SlotQueue
from headrace.streams.limits.slot_records import from_record


@dataclass(frozen=True, slots=True)
class SlotUse:
    """The slots of a stage: running jobs, those that wait, and the limit. `sharing` are all stages of the quota."""

    limit: int
    taken: int
    waiting: int
    sharing: tuple[str, ...]

    @property
    def is_full(self) -> bool:
        """Whether the next job waits."""
        return self.taken >= self.limit


class SlotMonitor:
    """Follows `system.slots` from `start` on. Thread-safe."""

    def __init__(self, kafka: KafkaSettings, quotas: JobQuotas) -> None:
        self._quotas = quotas
        self._queue = SlotQueue(quotas)
        self._lock = threading.Lock()
        self._follower = TopicFollower(kafka, (topics.SLOTS,), self.take)

    def start(self) -> None:
        """Begin to read."""
        self._follower.start(0.0)

    def stop(self) -> None:
        """Read no more."""
        self._follower.stop()

    def take(self, record: ConsumerRecord) -> None:
        """Apply a record. Raises `InvalidValueError` for one that is not of this topic."""
        parsed = from_record(record)
        if parsed is not None:
            with self._lock:
                self._queue.apply(*parsed, record.offset, datetime.now(UTC))

    def use(self) -> Mapping[str, SlotUse]:
        """Return the use of the slots of each stage with a quota; none before the topic was read to its end."""
        return self.counted(datetime.now(UTC)) if self._follower.caught_up else {}

    def counted(self, now: datetime) -> Mapping[str, SlotUse]:
        """Return the use of the slots of each stage with a quota, as far as the topic was read."""
        with self._lock:
            self._queue.expire(now)
            pools = {
                name: (each.limit, len(each.started), len(each.waiting)) for name, each in self._queue.pools.items()
            }
        stages = self._quotas.pools
        return {
            stage: SlotUse(*pools[pool], tuple(other for other in stages if stages[other] == pool))
            for stage, pool in stages.items()
        }
