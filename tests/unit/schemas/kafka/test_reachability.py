"""A cluster that is slow is distinguished from one that cannot be reached."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reachability import LEADER_MOVES, accepts_connections, answered
from headrace.schemas.kafka.settings import KafkaSettings

SLOW = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of a server that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def settings(servers: str, seconds: float = 0.6) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=servers, kafka_timeout_seconds=seconds)


@pytest.mark.parametrize("code", SLOW)
def test_silent_cluster_did_not_answer_in_time(silent: str, code: int) -> None:
    line = clients.describe_error(KafkaException(KafkaError(code)), settings(silent))
    assert line == (
        f"Kafka at {silent} accepts connections but did not answer within 0.6 s: raise HEADRACE_KAFKA_TIMEOUT_SECONDS"
    )


def test_real_client_of_a_silent_cluster_did_not_answer_in_time(silent: str) -> None:
    given = settings(silent)
    client = clients.admin(given)
    with pytest.raises(KafkaException) as raised:
        answered(given, lambda seconds: clients.partition_counts(client, seconds))
    assert "did not answer within 0.6 s" in clients.describe_error(raised.value, given)


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "127.0.0.1", "127.0.0.1:many", "127.0.0.1:1,127.0.0.1:2"])
def test_closed_port_cannot_be_reached(servers: str) -> None:
    line = clients.describe_error(KafkaException(KafkaError(KafkaError._TRANSPORT)), settings(servers))
    assert line == f"no Kafka at {servers}: start it, or correct HEADRACE_BOOTSTRAP_SERVERS"


@pytest.mark.parametrize("code", [*SLOW, *LEADER_MOVES])
def test_request_is_repeated_until_the_cluster_answers(silent: str, code: int) -> None:
    failures = [KafkaException(KafkaError(code)) for _ in range(3)]

    def request(seconds: float) -> str:
        assert 0 < seconds <= 5
        if failures:
            raise failures.pop()
        return "answer"

    assert answered(settings(silent, 60), request) == "answer"


@pytest.mark.parametrize(
    ("servers", "code"),
    [("127.0.0.1:1", KafkaError._TRANSPORT), ("127.0.0.1:1", KafkaError.TOPIC_AUTHORIZATION_FAILED)],
)
def test_request_that_cannot_succeed_is_not_repeated(servers: str, code: int) -> None:
    attempts: list[float] = []

    def request(seconds: float) -> str:
        attempts.append(seconds)
        raise KafkaException(KafkaError(code))

    with pytest.raises(KafkaException):
        answered(settings(servers, 60), request)
    assert len(attempts) == 1


@pytest.mark.parametrize("host", ["x" * 300, "é" * 80, "a..b"])
def test_host_that_is_no_name_accepts_no_connections(host: str) -> None:
    assert not accepts_connections(KafkaSettings(bootstrap_servers=f"{host}:9092"))
