"""Create the services for the cluster and the views that the environment names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from secrets import randbits

import msgspec

from headrace.connectors.aws.client import AwsSession
from headrace.console.errors import CommandError
from headrace.console.machines.activity_queue import ActivityQueue
from headrace.console.machines.arns import ArnFactory
from headrace.console.machines.errors import MachineServiceError, MachineTopicsMissingError
from headrace.console.machines.map_run_limits import BucketLimits
from headrace.console.machines.payload_bucket import PayloadBucket
from headrace.console.machines.pending import PendingStarts, RecentAnswers
from headrace.console.machines.port import MachineServices
from headrace.console.machines.settings import MachineApiSettings
from headrace.console.machines.task_source import KafkaActivities
from headrace.console.machines.view_reader import ViewExecutions
from headrace.console.views.current import CurrentViews
from headrace.console.views.locations import location
from headrace.console.views.settings import ViewsSettings
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.records import Pointer
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.schema_topic import publish_missing_schemas
from headrace.schemas.settings import load
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.definitions import DefinitionTable
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter
from headrace.streams.settings import StreamSettings

FLUSH_SECONDS = 10.0
EXPLAIN_TOPICS = "headrace topics create creates the topics, and a worker of the stage machines runs executions"


@contextmanager
def machine_services(settings: MachineApiSettings) -> Iterator[MachineServices]:
    """Open the services, and close them at the end.

    Raises:
        CommandError: Kafka cannot be reached, or lacks the topics of state machines.
        SettingsError: A setting is missing or invalid.
    """
    kafka = load(KafkaSettings)
    table = DefinitionTable()
    with ExitStack() as stack:
        codec = registry.create_codec(kafka)
        codec.load_schema_ids()
        _check_topics(kafka)
        publish_missing_schemas(kafka, catalog.versions())
        follower = TopicFollower(kafka, (topics.MACHINE_DEFINITIONS,), table.take)
        if not follower.start(kafka.kafka_timeout_seconds):
            stack.callback(follower.stop)
            raise CommandError(clients.unreachable_message(kafka))
        stack.callback(follower.stop)
        producer = AsyncProducer(clients.producer(kafka))
        stack.callback(producer.close, FLUSH_SECONDS)
        bucket = PayloadBucket(AwsSession(), load(StreamSettings).results_bucket)
        views = CurrentViews(location(load(ViewsSettings)))
        stack.callback(views.close)
        activities = ActivityQueue(lambda: KafkaActivities(kafka, codec))
        stack.callback(activities.close)
        yield MachineServices(
            table=table,
            commands=MachineClient(producer.send, RecordWriter(codec, PayloadStore(bucket))),
            reader=ViewExecutions(views.connect),
            load_details=details_loader(bucket),
            take_activity_task=activities.take,
            arns=ArnFactory(settings.region, settings.account),
            now=lambda: datetime.now(UTC),
            seed=lambda: randbits(63),
            pending=PendingStarts(),
            recent=RecentAnswers(),
            map_run_limits=BucketLimits(bucket),
        )


def details_loader(bucket: PayloadBucket) -> Callable[[str], bytes]:
    """Return a function that loads the object of a pointer, which is JSON."""

    def load_details(pointer: str) -> bytes:
        place = msgspec.json.decode(pointer, type=Pointer)
        content = bucket.read(place.key)
        if content is None:
            raise MachineServiceError("InternalFailure", f"s3://{place.bucket}/{place.key} does not exist")
        return content

    return load_details


def _check_topics(kafka: KafkaSettings) -> None:
    counts = clients.partition_counts(clients.admin(kafka), timeout=kafka.kafka_timeout_seconds)
    needed = (topics.MACHINE_DEFINITIONS, topics.MACHINE_INBOX)
    missing = [topic.name for topic in needed if topic.name not in counts]
    if missing:
        raise MachineTopicsMissingError(f"Kafka has no topic {' and '.join(missing)}: {EXPLAIN_TOPICS}")
