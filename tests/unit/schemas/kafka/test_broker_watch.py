"""A client that has lost its brokers is stuck if it gets no answer while a new client does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.schemas.kafka.broker_watch import PATIENCE_SECONDS, PROBE_SECONDS, PROBES, BrokerWatch

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)


class Cluster:
    """A cluster, one client of it, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = True
        self.client_error = KafkaError(KafkaError._TRANSPORT)
        self.brokers: dict[int, str] | None = None
        self.questions = 0
        self.watch = BrokerWatch(self.ask, lambda: self.now)

    def ask(self) -> bool:
        self.questions += 1
        return self.answers

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        assert timeout > 0
        if self.brokers is None:
            raise KafkaException(self.client_error)
        return SimpleNamespace(brokers=self.brokers)

    def stuck(self, checks: int = 1) -> list[bool]:
        """Check several times, each as soon as it is due."""
        found = []
        for _ in range(checks):
            found.append(self.watch.is_stuck(self))
            self.now += PROBE_SECONDS
        return found


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.watch.on_error(DOWN)
    cluster.now = PATIENCE_SECONDS
    return cluster


def test_client_without_an_answer_is_stuck_while_the_cluster_answers_others(cluster: Cluster) -> None:
    assert cluster.stuck(PROBES) == [False, True]


@pytest.mark.parametrize("brokers", [None, {}])
def test_client_that_knows_no_broker_has_no_answer(cluster: Cluster, brokers: dict[int, str] | None) -> None:
    cluster.brokers = brokers
    assert cluster.stuck(PROBES)[-1]


def test_client_that_has_reconnected_is_not_stuck(cluster: Cluster) -> None:
    cluster.brokers = {1: "kafka:9092"}
    assert cluster.stuck(PROBES + 1) == [False] * (PROBES + 1)
    assert not cluster.watch.is_down
    assert cluster.questions == 0


def test_client_is_kept_while_the_cluster_does_not_answer(cluster: Cluster) -> None:
    cluster.answers = False
    assert cluster.stuck(5) == [False] * 5
    cluster.answers = True
    assert cluster.stuck(PROBES) == [False, True]


def test_client_is_not_checked_before_its_time(cluster: Cluster) -> None:
    cluster.now = PATIENCE_SECONDS - 1
    assert cluster.stuck() == [False]
    cluster.now = PATIENCE_SECONDS
    cluster.stuck()
    cluster.now = PATIENCE_SECONDS + PROBE_SECONDS - 1
    cluster.stuck()
    assert cluster.questions == 1


def test_repeated_error_does_not_extend_the_time(cluster: Cluster) -> None:
    cluster.watch.on_error(DOWN)
    assert cluster.stuck(PROBES)[-1]


def test_other_errors_and_a_new_client_are_no_outage() -> None:
    cluster = Cluster()
    cluster.watch.on_error(KafkaError(KafkaError._TRANSPORT))
    assert not cluster.watch.is_down
    cluster.watch.on_error(DOWN)
    cluster.watch.reset()
    cluster.now = PATIENCE_SECONDS
    assert cluster.stuck(PROBES) == [False] * PROBES
