"""Tests of the schema topic without a broker; tests/system has those with a broker."""

from __future__ import annotations

import pytest

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, follow_schemas, publish_schemas

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def test_publish_fails_without_a_broker() -> None:
    with pytest.raises(SchemasNotPublishedError, match=r"no answer in 0\.2 s"):
        publish_schemas(clients.producer(NOWHERE), catalog.versions(), timeout=0.2)


def test_follower_start_times_out_without_a_broker() -> None:
    log = follow_schemas(NOWHERE, codec.load())

    assert log.start(timeout=0.2) is False
    log.stop()
