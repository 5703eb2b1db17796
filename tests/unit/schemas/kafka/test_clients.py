"""Tests of producer options and of Kafka error messages."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.broker_watch import ClientStuckError
from headrace.schemas.kafka.settings import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="kafka:9092")


@pytest.mark.parametrize(
    "code", [KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT]
)
def test_unreachable_broker_error_names_address_and_setting(code: int) -> None:
    text = clients.describe_error(KafkaException(KafkaError(code)), SETTINGS)

    assert text == "no Kafka at kafka:9092: start it, or correct HEADRACE_BOOTSTRAP_SERVERS"


def test_unreachable_broker_with_a_login_names_the_login_settings() -> None:
    settings = KafkaSettings(bootstrap_servers="kafka:9092", kafka_tls=True)

    text = clients.describe_error(KafkaException(KafkaError(KafkaError._TRANSPORT)), settings)

    assert text == "no Kafka at kafka:9092: start it, or correct HEADRACE_BOOTSTRAP_SERVERS and HEADRACE_KAFKA_*"


def test_rejected_request_has_kafkas_reason() -> None:
    error = KafkaException(KafkaError(KafkaError.INVALID_REPLICATION_FACTOR, "replication factor 3, brokers 1"))

    assert (
        clients.describe_error(error, SETTINGS)
        == "Kafka at kafka:9092 rejected the request: replication factor 3, brokers 1"
    )


def test_old_broker_is_named_with_the_required_version() -> None:
    error = KafkaException(KafkaError(KafkaError._UNSUPPORTED_FEATURE, "DescribeCluster API (KIP-700) not supported"))

    text = clients.describe_error(error, SETTINGS)

    assert text.startswith("Kafka at kafka:9092 is older than version 2.8: DescribeCluster API")


def test_producer_uses_the_java_partitioner_and_acks_all() -> None:
    assert clients.DURABLE["partitioner"] == "murmur2_random"
    assert clients.DURABLE["acks"] == "all"
    assert clients.DURABLE["enable.idempotence"] is True


@pytest.mark.parametrize(
    "error",
    [
        ClientStuckError(),
        KafkaException(KafkaError(KafkaError._PURGE_QUEUE)),
        KafkaException(KafkaError(KafkaError._PURGE_INFLIGHT)),
    ],
)
def test_replaced_client_has_its_own_message(error: KafkaException) -> None:
    text = clients.describe_error(error, SETTINGS)

    assert text == "the client of Kafka at kafka:9092 lost its connections: run the command again"
