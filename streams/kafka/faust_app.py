"""Run a stage as a Faust app whose agent receives whole batches.

Faust provides life cycle, group membership, assignment, heartbeats and the commit timer. `streams.kafka.consumer`
decides what is fetched and committed. See docs/decisions/0003-keep-faust-behind-one-port.md.
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
"""Records per poll. More would block the event loop while Faust's thread unpacks them."""

REQUEST_SECONDS = 90.0
"""Faust's default timeout of a request."""

METADATA_SECONDS = 5
"""Maximum age of metadata. Just after an outage the group leader may know no partitions."""


class RawBatchSchema(faust.Schema[Any, Any]):
    """Passes batches through undecoded. The runner decodes records and dead-letters invalid ones."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Return None: a batch has no key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> RecordBatch:
        """Return the batch."""
        batch: RecordBatch = message.value
        return batch


class StageApp(faust.App):
    """A Faust app that starts and drains a scheduler."""

    scheduler: KeyedScheduler
    drain_timeout: float
    delivery_error: BaseException | None = None
    """The exception that ended the delivery of batches. Faust would start the agent again without a report."""

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
        failure = self.app.scheduler.failure() or self.app.delivery_error or crash
        if failure is None and self.app.started and not self.app.should_stop:
            return cast(BatchConsumer, self.app.consumer).thread_failure()
        return failure


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
        # Faust rejects a shorter one, because a join may take as long as a session.
        broker_request_timeout=max(REQUEST_SECONDS, settings.session_seconds),
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
        try:
            async for event in stream.noack().events():
                batch: RecordBatch = event.value
                if not scheduler.deliver(batch.assignment, batch.start, batch.records):
                    await cast(BatchConsumer, app.consumer).rewind(event.message.tp)
                event.ack()
        except Exception as error:
            app.delivery_error = error
            raise

    app.agent(read, name=f"streams.{stage.name}")(take)
    return app


def credentials(kafka: KafkaSettings) -> Any:
    """Return Faust's credentials for TLS and SASL; None for a plaintext cluster."""
    options = auth.aiokafka_options(kafka)
    context, mechanism = options["ssl_context"], options.get("sasl_mechanism")
    if tokens := options.get("sasl_oauth_token_provider"):
        return faust.OAuthCredentials(oauth_cb=tokens, ssl_context=context)
    if mechanism:
        user, password = options["sasl_plain_username"], options["sasl_plain_password"]
        return faust.SASLCredentials(username=user, password=password, ssl_context=context, mechanism=mechanism)
    return faust.SSLCredentials(context) if context else None
