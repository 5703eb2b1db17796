"""The schema log where no broker answers; with one it is in tests/system."""

from __future__ import annotations

import pytest

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, follow_schemas, publish_schemas

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def test_a_writer_is_told_that_its_schemas_are_not_on_the_log() -> None:
    with pytest.raises(SchemasNotPublishedError, match=r"no answer in 0\.2 s"):
        publish_schemas(clients.producer(NOWHERE), catalog.versions(), timeout=0.2)


def test_a_reader_is_told_that_it_has_not_caught_up() -> None:
    log = follow_schemas(NOWHERE, codec.load())

    assert log.start(timeout=0.2) is False
    log.stop()
