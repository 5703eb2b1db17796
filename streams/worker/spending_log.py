"""Read the spending of a daily budget from the newest snapshot on, and write snapshots for workers that start later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from headrace.schemas import topics
from headrace.schemas.kafka.follow_start import FollowStart
from headrace.schemas.kafka.partition_reader import read_partition_if_exists
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.messages import ConsumerRecord, SendError
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde.codec import RegistryUnavailableError
from headrace.streams.costs import daily_budget, spending_snapshot
from headrace.streams.costs.daily_budget import REPEAT_SECONDS, DailyBudget
from headrace.streams.stage import Stage

SNAPSHOT_SECONDS = 10.0
SNAPSHOT_RECORDS = 1_000
"""Records after the newest snapshot that one of the workers waits for before it writes another one."""


class SpendingLog:
    """The topics with the spending of a pipeline, followed for one worker's daily budget."""

    def __init__(
        self, cluster: KafkaSettings, day: DailyBudget, stages: Sequence[Stage], clock: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._day = day
        self._stages = stages
        self._clock = clock
        self._unsaved = 0
        """Records since the newest snapshot, which this worker reads back too."""
        self.follower = TopicFollower(
            cluster, daily_budget.followed_topics(stages), self._take, self._begin, retry_on=(RegistryUnavailableError,)
        )

    async def write_snapshots(self, producer: AsyncProducer) -> None:
        """Write a snapshot whenever there is none of the last records, until cancelled."""
        outage = OutageLog(part="spending")
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            try:
                await self.write_snapshot(producer)
            except SendError as error:  # a worker that starts reads more records
                outage.down(str(error))
            else:
                outage.recovered()

    async def write_snapshot(self, producer: AsyncProducer) -> None:
        """Write a snapshot if the topics have been read to their ends, and many records follow the newest one.

        Raises:
            SendError: Kafka does not accept it.
        """
        if not self.follower.caught_up:
            return
        snapshot = self._day.snapshot(self._clock())
        record = spending_snapshot.to_record(snapshot) if self._unsaved >= SNAPSHOT_RECORDS else None
        if record is not None:
            await producer.send([record])

    def _begin(self) -> FollowStart:
        """Restore the newest snapshot of the day or of the last jobs, and return where to read from. Blocks."""
        now = self._clock()
        oldest = daily_budget.start_of_day(self._stages, now)
        snapshot = spending_snapshot.newest(read_partition_if_exists(self._cluster, topics.SPENDING.name, 0))
        if snapshot is None or not oldest <= snapshot.at.timestamp() <= now.timestamp() + REPEAT_SECONDS:
            return FollowStart(oldest)
        self._day.restore(snapshot)
        return FollowStart(snapshot.at.timestamp() - REPEAT_SECONDS, snapshot.offsets)

    def _take(self, record: ConsumerRecord) -> None:
        if record.topic == topics.SPENDING.name:
            self._unsaved = 0
            return
        self._day.take(record)
        self._unsaved += 1
