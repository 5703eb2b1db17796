"""Create topics and publish schemas."""

from __future__ import annotations

from headrace.console.routing.stages import load_topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.schemas.settings import load


def apply_contract() -> None:
    """Create the topics and publish the schemas."""
    settings = load(KafkaSettings)
    clients.create_topics(clients.admin(settings), load_topics(), settings.replication_factor)
    publish_schemas(clients.producer(settings), catalog.versions())
