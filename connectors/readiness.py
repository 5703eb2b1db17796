"""What Kafka lacks that a producer needs."""

from __future__ import annotations

import threading

from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde import catalog
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError, SchemaNotRegisteredError
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, publish_schemas

LOOK_SECONDS = 0.5


ANSWER_SECONDS = 5.0


NEEDED = (
    topics.UPLOADED,
    topics.DELETED,
    topics.AWS_EVENTS,
    topics.JOBS_FINISHED,
    topics.BRIDGE_DLQ,
    topics.SCHEMAS,
)


def missing_dependencies(cluster: KafkaSettings, book: Codec) -> str:
    """Say what Kafka or the schema registry lacks that the bridge needs; empty when nothing.

    Publishes the schemas on the way, and has the codec write as the registry wants.
    """
    try:
        there = clients.partition_counts(clients.admin(cluster), timeout=ANSWER_SECONDS)
        missing = [topic.name for topic in NEEDED if topic.name not in there]
        if missing:
            return f"topics not there: {', '.join(missing)} (headrace topics apply)"
        publish_schemas(clients.producer(cluster), catalog.versions(), timeout=ANSWER_SECONDS)
        book.load_schema_ids()
    except KafkaException as error:
        return clients.describe_error(error, cluster)
    except SchemasNotPublishedError as error:
        return f"Kafka does not take the schemas: {error}"
    except (RegistryUnavailableError, SchemaNotRegisteredError) as error:
        return str(error)
    return ""


def wait_for_kafka(cluster: KafkaSettings, book: Codec, stop: threading.Event) -> bool:
    """Wait until nothing is missing. False when told to stop."""
    saying = OutageLog()
    while not stop.is_set():
        missing = missing_dependencies(cluster, book)
        if not missing:
            return True
        saying.down(missing)
        stop.wait(LOOK_SECONDS)
    return False
