"""The door to Faust: a stage as a Faust app whose agent gets whole batches and whose offsets follow our marks.

Faust hosts: life cycle, group membership, assignment, heartbeats, commits. What it reads and commits is
`streams.kafka.consumer`'s. See docs/decisions/0003-keep-faust-behind-one-port.md.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import faust

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.engine.scheduler import KeyedScheduler
from headrace.streams.kafka import auth
from headrace.streams.kafka.consumer import BatchConsumer, RecordBatch
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

POLL_RECORDS = 500
"""Taken over at a time. More would keep the event loop waiting while they are unpacked in Faust's thread."""

METADATA_SECONDS = 5
"""A leader that shares out the partitions just after an outage may not know any. It looks again after so long."""


class RawBatchSchema(faust.Schema[Any, Any]):
    """Hands batches over untouched; decoding is the runner's, where bad bytes become a dead letter."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """There is no key of a batch."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> RecordBatch:
        """Give the batch."""
        batch: RecordBatch = message.value
        return batch


class StageApp(faust.App):
    """A Faust app that starts and drains a scheduler."""

    scheduler: KeyedScheduler
    drain_timeout: float

    async def on_first_start(self) -> None:
        """Start the scheduler before the first batch arrives."""
        self.scheduler.start()
        await super().on_first_start()

    def _create_directories(self) -> None:
        """Create no directories: a stage keeps no state on disk."""

    async def stop(self) -> None:
        """Wait up to `drain_timeout` seconds for running records, then commit and leave the group."""
        await self.scheduler.drain(self.drain_timeout)
        await super().stop()


class FaustHost:
    """A `StageHost` on Faust."""

    def __init__(self, app: StageApp) -> None:
        self.app = app

    async def start(self) -> None:
        """Start the scheduler and join the consumer group."""
        await self.app.start()

    async def stop(self) -> None:
        """Drain the scheduler, commit, and leave the group."""
        await self.app.stop()

    def failure(self) -> BaseException | None:
        """Return the exception that ended the stage; None while it runs."""
        crash: BaseException | None = self.app.crash_reason
        return self.app.scheduler.failure() or crash


def create_host(stage: Stage, scheduler: KeyedScheduler, settings: StreamSettings, kafka: KafkaSettings) -> FaustHost:
    """Build the Faust host of one stage."""
    return FaustHost(create_app(stage, scheduler, settings, kafka))


def create_app(
    stage: Stage,
    scheduler: KeyedScheduler,
    settings: StreamSettings,
    kafka: KafkaSettings,
    consumer_type: type[BatchConsumer] = BatchConsumer,
) -> StageApp:
    """Build the Faust app of one stage: one consumer group that reads all input topics."""
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
        # The scheduler applies backpressure for as long as needed; `/live` detects a worker that hangs.
        broker_max_poll_interval=86_400.0,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / 5,
        broker_commit_interval=settings.commit_seconds,
        consumer_metadata_max_age_ms=METADATA_SECONDS * 1000,
        stream_buffer_maxsize=2,
        stream_wait_empty=True,
        producer_acks=-1,
    )
    app.scheduler, app.drain_timeout = scheduler, settings.drain_seconds
    vars(app.transport)["Consumer"] = partial(consumer_type, scheduler=scheduler, grace=settings.drain_seconds)
    read = app.topic(*(topic.name for topic in stage.inputs), schema=RawBatchSchema(value_type=bytes))

    async def take(stream: Any) -> None:
        async for event in stream.noack().events():
            batch: RecordBatch = event.value
            if not scheduler.deliver(batch.assignment, batch.start, batch.records):
                await cast(BatchConsumer, app.consumer).rewind(event.message.tp)
            event.ack()

    app.agent(read, name=f"streams.{stage.name}")(take)
    return app


def credentials(kafka: KafkaSettings) -> Any:
    """Give what Faust's clients need for TLS and to log in; None where nobody asks."""
    found = auth.aiokafka_options(kafka)
    context, mechanism = found["ssl_context"], found.get("sasl_mechanism")
    if tokens := found.get("sasl_oauth_token_provider"):
        return faust.OAuthCredentials(oauth_cb=tokens, ssl_context=context)
    if mechanism:
        user, password = found["sasl_plain_username"], found["sasl_plain_password"]
        return faust.SASLCredentials(username=user, password=password, ssl_context=context, mechanism=mechanism)
    return faust.SSLCredentials(context) if context else None
