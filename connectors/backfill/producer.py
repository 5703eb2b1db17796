"""Send the records of a backfill and store a checkpoint once they are durable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from confluent_kafka import KafkaException

from headrace.connectors.backfill.checkpoint import BackfillError, Checkpoint, record
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import SyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import (
    RegistryUnavailableError,
    SchemaNotRegisteredError,
    to_producer_record,
)
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, publish_missing_schemas
from headrace.schemas.tracing.publish import publish_span
from headrace.schemas.tracing.tracer import NoTracing, Tracer

WRITTEN = (topics.UPLOADED, topics.BACKFILLS)
NEEDED = (*WRITTEN, topics.SCHEMAS)
ANSWER_SECONDS = 10.0
FLUSH_SECONDS = 60.0


class BackfillProducer:
    """The producer of one backfill."""

    def __init__(self, cluster: KafkaSettings, tracer: Tracer | None = None) -> None:
        """Raises `BackfillError` if topics or schemas are missing, `KafkaException` if Kafka is unreachable."""
        present = clients.partition_counts(clients.admin(cluster), ANSWER_SECONDS)
        missing = [topic.name for topic in NEEDED if topic.name not in present]
        if missing:
            raise BackfillError(f"topics not there: {', '.join(missing)} (headrace topics apply)")
        producer = clients.producer(cluster)
        self._producer = SyncProducer(producer)
        self._tracer: Tracer = tracer or NoTracing()
        self._codec = registry.create_codec(cluster)
        try:
            publish_missing_schemas(cluster, catalog.versions(), ANSWER_SECONDS)
            self._codec.load_schema_ids()
        except SchemasNotPublishedError as error:
            raise BackfillError(f"schemas not published: {error}") from error
        except (RegistryUnavailableError, SchemaNotRegisteredError) as error:
            raise BackfillError(str(error)) from error

    def send(self, fact: EventWithMetadata) -> None:
        """Send an event; it is durable after the next `save`. Raises `BackfillError`."""
        with _backfill_errors():
            record = to_producer_record(*fact, self._codec)
            span = publish_span(self._tracer, "backfill", record)
            if span is None:
                self._producer.send(record)
            else:
                self._producer.send(record, partial(self._tracer.end, span))

    def save(self, cursor: Checkpoint) -> None:
        """Wait until all sent events are durable, then store the checkpoint. Raises `BackfillError`."""
        with _backfill_errors():
            self._producer.flush(FLUSH_SECONDS)
            self._producer.send(record(cursor))
            self._producer.flush(FLUSH_SECONDS)


@contextmanager
def _backfill_errors() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        reason = error.args[0].str()
        raise BackfillError(
            f"Kafka did not acknowledge every record: {reason}; run the command again to continue"
        ) from error
