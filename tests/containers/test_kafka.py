"""A broker in a container: topics and records survive a restart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams import pipeline
from tests.containers.kafka import ApacheKafkaContainer
from tests.support.process import wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def broker() -> Iterator[ApacheKafkaContainer]:
    with ApacheKafkaContainer() as container:
        yield container


def there(settings: KafkaSettings) -> dict[str, int]:
    """The topics that the broker knows; none while it is away."""
    try:
        return clients.partition_counts(clients.admin(settings), timeout=2)
    except KafkaException:
        return {}


@pytest.mark.timeout(180)
def test_topics_and_records_survive_a_broker_restart(broker: ApacheKafkaContainer) -> None:
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
    table = topics.table(stage.name for stage in pipeline.stages())
    wait_for(lambda: _created(settings, table), "the topics", seconds=60)
    producer = clients.producer(settings)
    producer.produce(topics.UPLOADED.name, b"kept", b"key")
    assert producer.flush(20) == 0
    broker.restart()
    wait_for(lambda: len(there(settings)) >= len(table), "the broker again", seconds=60)
    assert {topic.name for topic in table} <= there(settings).keys()
    consumer = clients.group_consumer(settings, "test", "earliest")
    consumer.subscribe([topics.UPLOADED.name])
    try:
        found = wait_for(lambda: [m.value() for m in consumer.consume(10, 0.5) if m.error() is None], "the record")
    finally:
        consumer.close()
    assert found == [b"kept"]


def _created(settings: KafkaSettings, table: tuple[topics.Topic, ...]) -> bool:
    try:
        clients.create_topics(clients.admin(settings), table, settings.replication_factor)
    except KafkaException:
        return False
    return True
