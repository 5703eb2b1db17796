"""The door to Faust: a stage as a Faust app whose agent gets whole batches and whose offsets follow our marks.

Faust hosts: life cycle, group membership, assignment, heartbeats, commits. What it does by itself with offsets can
lose records (its commit rule acknowledges past unfinished work), so `SafeConsumer` carries the rule of `streams.marks`.
See docs/decisions/0003-faust-behind-one-door.md.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast

import faust
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from schemas.settings import KafkaSettings
from streams import login
from streams.batch import Batch, received
from streams.lanes import Lanes, Partition
from streams.origin import RETRY_TOPIC
from streams.settings import StreamSettings
from streams.stage import Stage

POLL_RECORDS = 500
"""Taken over at a time. More would keep the event loop waiting while they are unpacked in Faust's thread."""
FULL_POLL_SECONDS = 0.05
FETCH_WAIT_MS = 100
"""How long the broker may hold back an answer that would be empty: as long, nothing else can be fetched from it. The
retry topic is empty as a rule, so that with Faust's own 1,500 ms a busy stage would stand still half of the time."""

METADATA_SECONDS = 5
"""A leader that shares out the partitions just after an outage may not know any. It looks again after so long."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, whose client is told two things more that Faust has no settings for."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        client = super()._create_worker_consumer(transport)
        client._fetch_max_wait_ms = FETCH_WAIT_MS
        if cast(SafeConsumer, self.consumer).lanes.ordered:
            client._partition_assignment_strategy = [RangePartitionAssignor]
        return client


class SafeConsumer(driver.Consumer):
    """Delivers one event per fetched batch, and commits what the marks say.

    What was fetched can get lost on its way here: Faust fetches in a thread of its own, and a rebalance or a seek may
    come between. So nothing is believed but offsets: each partition is followed without a gap, from where it began.
    """

    lanes: Lanes
    grace: float

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch what there is room for. What cannot be delivered now is fetched again, never skipped."""
        self.lanes.polled = time.monotonic()
        fetched, _ = await self._wait_next_records(timeout)
        for tp, records in fetched.items():
            if self.should_stop:
                return
            partition = self.lanes.partition(_where(tp))
            fresh = [received(record) for record in records if partition and record.offset >= partition.fetched]
            if partition is None or not fresh:
                continue
            if self._follows(partition, fresh[0].offset):
                batch = Batch(partition, partition.fetched, fresh)
                partition.fetched = fresh[-1].offset + 1
                yield tp, self._event(tp, records[-1], batch)
            else:
                await self.rewind(tp)

    async def rewind(self, tp: TP) -> None:
        """Fetch again from the first offset that was not delivered."""
        partition = self.lanes.partition(_where(tp))
        if partition is not None and tp in self.assignment():
            partition.fetched = partition.mark.position
            await self.seek(tp, partition.fetched)

    async def perform_seek(self) -> None:
        """Begin a new assignment at the committed offsets, and at the beginning where there is none.

        Faust leaves a partition without one where it is. But a fetch that a rebalance cut short has moved it. What a
        fetch brings while we ask for offsets goes to the assignment before: so the last thing that is waited for is
        that all is sought.
        """
        await super().perform_seek()
        new = [tp for tp in self.assignment() if not self._committed_offset.get(tp)]
        begin = dict(await self.earliest_offsets(*new)) if new else {}
        ends = await self._ends_of_retries()
        if begin or ends:
            await super().perform_seek()
        for tp in self.assignment():
            position = self._committed_offset.get(tp) or begin.get(tp, 0)
            self.lanes.assign(_where(tp), position, ends.get(tp, 0))
        for tp, offset in begin.items():
            if tp in self.assignment() and not self._committed_offset.get(tp):
                await self.seek(tp, offset)

    async def _ends_of_retries(self) -> dict[TP, int]:
        """Say up to where retry topics have to be read before others of their number, where order needs it."""
        retries = [tp for tp in self.assignment() if tp.topic.endswith(RETRY_TOPIC)] if self.lanes.ordered else []
        if not retries:
            return {}
        earliest, ends = await self.earliest_offsets(*retries), await self.highwaters(*retries)
        return {tp: end for tp, end in ends.items() if earliest[tp] < end}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let running work end, within bounds; commit; forget."""
        where = [_where(tp) for tp in revoked]
        await self.lanes.revoke(where, self.grace)
        if not await self.commit():
            await self.commit()
        self.lanes.forget(where)
        await super().on_partitions_revoked(revoked)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say nothing: Faust's own check knows only events, and warns of every partition that is idle."""

    async def _wait_next_records(self, timeout: float) -> tuple[Mapping[TP, list[Any]], set[TP]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        active = self._get_active_partitions()
        if any(self.lanes.partition(_where(tp)) is None for tp in active):  # Faust waits for a seek only so long
            await self.perform_seek()
        with_room = {tp for tp in active if self.lanes.has_room(_where(tp))}
        if not with_room:
            await self.sleep(FULL_POLL_SECONDS)
            return {}, with_room
        wait = timeout if len(with_room) == len(active) else FULL_POLL_SECONDS
        return await self._getmany(active_partitions=with_room, timeout=wait), with_room

    def _follows(self, partition: Partition, offset: int) -> bool:
        """Whether records continue what was fetched. A gap, as compaction leaves it, is believed when seen twice."""
        gap = (partition.fetched, offset)
        known = offset == partition.fetched or gap == partition.gap
        partition.gap = gap
        return known

    def _event(self, tp: TP, last: Any, batch: Batch) -> ConsumerMessage:
        event = self._to_message(tp, last)
        event.key, event.value, event.headers = None, cast(Any, batch), []
        return event

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (TP(*where) for where in self.lanes.assigned())

    def _new_offset(self, tp: TP) -> int | None:
        return self.lanes.committable(_where(tp))

    async def _add_gap(self, *_: Any) -> None:
        """Gaps need no bookkeeping: a mark knows only what was delivered."""


class AsTheyAre(faust.Schema[Any, Any]):
    """Hands batches over untouched; decoding is the runner's, where bad bytes become a dead letter."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """There is no key of a batch."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Batch:
        """Give the batch."""
        batch: Batch = message.value
        return batch


class StageApp(faust.App):
    """A Faust app whose lanes begin and drain with it."""

    lanes: Lanes
    grace: float

    async def on_first_start(self) -> None:
        """Begin to work before the first batch comes."""
        self.lanes.start()
        await super().on_first_start()

    def _create_directories(self) -> None:
        """Make none: a stage keeps nothing on disk, and Faust would put its folders where the process was started."""

    async def stop(self) -> None:
        """Let running work end, within bounds, so that its offsets are committed with the rest."""
        await self.lanes.drain(self.grace)
        await super().stop()


def create_app(stage: Stage, lanes: Lanes, settings: StreamSettings, kafka: KafkaSettings) -> StageApp:
    """Build the Faust app of one stage: its consumer group, reading all of the stage's topics."""
    app = StageApp(
        stage.group,
        broker="kafka://" + kafka.bootstrap_servers.replace(",", ";kafka://"),
        broker_credentials=credentials(kafka),
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=POLL_RECORDS,
        # Our lanes hold records back, for as long as it takes; a worker that hangs is found by its own watchdog.
        broker_max_poll_interval=86_400.0,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / 5,
        broker_commit_interval=settings.commit_seconds,
        consumer_metadata_max_age_ms=METADATA_SECONDS * 1000,
        stream_buffer_maxsize=2,
        stream_wait_empty=True,
        producer_acks=-1,
    )
    app.lanes, app.grace = lanes, settings.drain_seconds
    consumer = type("Consumer", (SafeConsumer,), {"lanes": lanes, "grace": settings.drain_seconds})
    vars(app.transport)["Consumer"] = consumer
    read = app.topic(*(topic.name for topic in stage.inputs), schema=AsTheyAre(value_type=bytes))

    async def take(stream: Any) -> None:
        async for event in stream.noack().events():
            batch: Batch = event.value
            if not lanes.deliver(batch.partition, batch.start, batch.records):
                await cast(SafeConsumer, app.consumer).rewind(event.message.tp)
            event.ack()

    app.agent(read, name=f"streams.{stage.name}")(take)
    return app


def credentials(kafka: KafkaSettings) -> Any:
    """Give what Faust's clients need for TLS and to log in; None where nobody asks."""
    found = login.client(kafka)
    context, mechanism = found["ssl_context"], found.get("sasl_mechanism")
    if tokens := found.get("sasl_oauth_token_provider"):
        return faust.OAuthCredentials(oauth_cb=tokens, ssl_context=context)
    if mechanism:
        user, password = found["sasl_plain_username"], found["sasl_plain_password"]
        return faust.SASLCredentials(username=user, password=password, ssl_context=context, mechanism=mechanism)
    return faust.SSLCredentials(context) if context else None


def _where(tp: Any) -> tuple[str, int]:
    return tp.topic, tp.partition
