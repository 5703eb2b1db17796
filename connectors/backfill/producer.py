"""Sends a backfill's records, and notes how far it has come only when Kafka has them."""

from __future__ import annotations

from headrace.connectors.backfill.checkpoint import BackfillError, Checkpoint, record
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import (
    RegistryUnavailableError,
    SchemaNotRegisteredError,
    to_producer_record,
)
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, publish_schemas

NEEDED = (topics.UPLOADED, topics.SCHEMAS, topics.BACKFILLS)
ANSWER_SECONDS = 10.0
FLUSH_SECONDS = 60.0
POLL_SECONDS = 0.1


class BackfillProducer:
    """One producer, for one backfill."""

    def __init__(self, cluster: KafkaSettings) -> None:
        """Raises `BackfillFailed` where topics or schemas are not on Kafka, `KafkaException` without Kafka."""
        there = clients.partition_counts(clients.admin(cluster), ANSWER_SECONDS)
        missing = [topic.name for topic in NEEDED if topic.name not in there]
        if missing:
            raise BackfillError(f"topics not there: {', '.join(missing)} (headrace topics apply)")
        self._producer = clients.producer(cluster)
        self._codec = registry.create_codec(cluster)
        self._refused: list[str] = []
        try:
            publish_schemas(self._producer, catalog.versions(), ANSWER_SECONDS)
            self._codec.load_schema_ids()
        except SchemasNotPublishedError as error:
            raise BackfillError(f"Kafka does not take the schemas: {error}") from error
        except (RegistryUnavailableError, SchemaNotRegisteredError) as error:
            raise BackfillError(str(error)) from error

    def send(self, fact: EventWithMetadata) -> None:
        """Hand an event over; it is durable after the next `save`."""
        self._produce(to_producer_record(*fact, self._codec))

    def save(self, cursor: Checkpoint) -> None:
        """Wait until Kafka has all that was sent, then note how far that is. Raises `BackfillFailed`."""
        self._flush()
        self._produce(record(cursor))
        self._flush()

    def _produce(self, sent: ProducerRecord) -> None:
        while True:
            try:
                self._producer.produce(
                    sent.topic, sent.value, sent.key, headers=list(sent.headers), on_delivery=self._delivered
                )
                return
            except BufferError:  # the producer holds as much as it may: wait until it has delivered some
                self._producer.poll(POLL_SECONDS)

    def _flush(self) -> None:
        left = self._producer.flush(FLUSH_SECONDS)
        if self._refused or left:
            why = self._refused[0] if self._refused else f"no answer in {FLUSH_SECONDS:g} s"
            raise BackfillError(f"Kafka has not taken every record: {why}; run the command again to continue")

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self._refused.append(str(error))
