"""The door to Faust: a stage as a Faust app whose agent gets whole batches and whose offsets follow our marks.

Faust hosts: life cycle, group membership, assignment, heartbeats, commits. What it reads and commits is
`streams.kafka.consumer`'s. See docs/decisions/0003-faust-behind-one-door.md.
"""

from __future__ import annotations

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
    """A Faust app whose lanes begin and drain with it."""

    lanes: KeyedScheduler
    drain_timeout: float

    async def on_first_start(self) -> None:
        """Begin to work before the first batch comes."""
        self.lanes.start()
        await super().on_first_start()

    def _create_directories(self) -> None:
        """Make none: a stage keeps nothing on disk, and Faust would put its folders where the process was started."""

    async def stop(self) -> None:
        """Let running work end, within bounds, so that its offsets are committed with the rest."""
        await self.lanes.drain(self.drain_timeout)
        await super().stop()


def create_app(stage: Stage, lanes: KeyedScheduler, settings: StreamSettings, kafka: KafkaSettings) -> StageApp:
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
    app.lanes, app.drain_timeout = lanes, settings.drain_seconds
    consumer = type("Consumer", (BatchConsumer,), {"lanes": lanes, "grace": settings.drain_seconds})
    vars(app.transport)["Consumer"] = consumer
    read = app.topic(*(topic.name for topic in stage.inputs), schema=RawBatchSchema(value_type=bytes))

    async def take(stream: Any) -> None:
        async for event in stream.noack().events():
            batch: RecordBatch = event.value
            if not lanes.deliver(batch.partition, batch.start, batch.records):
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
