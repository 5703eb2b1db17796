"""The bridge's producer: a client that does not reconnect is replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.connectors.bridge.producer import PATIENCE_SECONDS, PROBES, BridgeProducer
from headrace.schemas.messages import ProducerRecord

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)
PURGED = KafkaError(KafkaError._PURGE_QUEUE)
RECORD = ProducerRecord("media.uploaded", b"key", b"value")


class Client:
    """A producer of librdkafka that acknowledges nothing, and returns purged records at the next poll."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[KafkaError, Any], None]] = []
        self.purged = False

    def produce(self, *_: Any, on_delivery: Any, headers: Any) -> None:
        self.waiting.append(on_delivery)

    def purge(self) -> None:
        self.purged = True

    def poll(self, _: float) -> None:
        while self.purged and self.waiting:
            self.waiting.pop()(PURGED, None)

    def __len__(self) -> int:
        return len(self.waiting)


class Cluster:
    """A cluster, the clients that were created for it, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = True
        self.clients: list[Client] = []
        self.producer = BridgeProducer(self.connect, lambda: self.answers, lambda: self.now)

    def connect(self, error_cb: Callable[[KafkaError], None]) -> Any:
        self.report = error_cb
        self.clients.append(Client())
        return self.clients[-1]

    def check(self, times: int = PROBES) -> int:
        """Check several times; return the number of clients that were created."""
        for _ in range(times):
            self.producer.check()
        return len(self.clients)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_client_without_a_broker_is_replaced_while_the_cluster_answers(cluster: Cluster) -> None:
    cluster.report(DOWN)
    cluster.now = PATIENCE_SECONDS
    assert cluster.check(PROBES - 1) == 1
    assert cluster.check(1) == 2
    cluster.now = 10 * PATIENCE_SECONDS
    assert cluster.check() == 2  # the new client has reported nothing


def test_records_of_the_replaced_client_are_reported(cluster: Cluster) -> None:
    reports: list[KafkaError | None] = []
    assert cluster.producer.enqueue(RECORD, lambda error, _: reports.append(error))
    cluster.report(DOWN)
    cluster.now = PATIENCE_SECONDS
    cluster.check()
    cluster.producer.poll(0)
    assert [error.code() for error in reports if error] == [KafkaError._PURGE_QUEUE]
    cluster.producer.enqueue(RECORD, lambda error, _: reports.append(error))
    assert [len(client) for client in cluster.clients] == [0, 1]
    late = cluster.clients[0]
    late.produce(on_delivery=lambda error, _: reports.append(error), headers=())  # by a thread that had the old client
    cluster.producer.poll(0)
    assert len(reports) == 2


def test_client_is_kept_while_the_cluster_does_not_answer(cluster: Cluster) -> None:
    cluster.answers = False
    cluster.report(DOWN)
    cluster.now = 10 * PATIENCE_SECONDS
    assert cluster.check() == 1
    cluster.answers = True
    assert cluster.check(PROBES - 1) == 1


def test_client_that_delivers_is_kept(cluster: Cluster) -> None:
    cluster.report(DOWN)
    cluster.producer.acknowledged(None)
    cluster.now = PATIENCE_SECONDS
    assert cluster.check() == 1


def test_short_outage_replaces_nothing(cluster: Cluster) -> None:
    cluster.report(DOWN)
    cluster.now = PATIENCE_SECONDS - 1
    cluster.report(DOWN)
    assert cluster.check() == 1
    cluster.now = PATIENCE_SECONDS
    assert cluster.check() == 2


def test_fatal_error_is_raised(cluster: Cluster) -> None:
    fatal = KafkaError(KafkaError._FATAL, fatal=True)
    with pytest.raises(KafkaException):
        cluster.report(fatal)
    with pytest.raises(KafkaException):
        cluster.producer.acknowledged(fatal)
