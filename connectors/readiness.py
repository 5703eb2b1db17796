"""Check that Kafka has the topics and schemas that a producer needs."""

from __future__ import annotations

import threading

from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde import catalog
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError, SchemaNotRegisteredError
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, publish_missing_schemas

RETRY_SECONDS = 0.5
RESPONSE_SECONDS = 5.0

WRITTEN_TOPICS = (topics.UPLOADED, topics.DELETED, topics.AWS_EVENTS, topics.JOBS_FINISHED, topics.BRIDGE_DLQ)
REQUIRED_TOPICS = (*WRITTEN_TOPICS, topics.SCHEMAS)


def missing_dependencies(cluster: KafkaSettings, codec: Codec) -> str:
    """Return what Kafka or the schema registry lacks; empty when nothing.

    Publishes missing schemas and loads their registry ids into the codec.
    """
    try:
        existing = clients.partition_counts(clients.admin(cluster), timeout=RESPONSE_SECONDS)
        missing = [topic.name for topic in REQUIRED_TOPICS if topic.name not in existing]
        if missing:
            return f'topics missing: {", ".join(missing)}. Run "headrace topics apply".'
        publish_missing_schemas(cluster, catalog.versions(), timeout=RESPONSE_SECONDS)
        codec.load_schema_ids()
    except KafkaException as error:
        return clients.describe_error(error, cluster)
    except SchemasNotPublishedError as error:
        return f"schemas not published: {error}"
    except (RegistryUnavailableError, SchemaNotRegisteredError) as error:
        return str(error)
    return ""


def wait_for_kafka(cluster: KafkaSettings, codec: Codec, stop: threading.Event) -> bool:
    """Wait until nothing is missing. Returns False if `stop` is set first."""
    outage = OutageLog()
    while not stop.is_set():
        missing = missing_dependencies(cluster, codec)
        if not missing:
            return True
        outage.down(missing)
        stop.wait(RETRY_SECONDS)
    return False
