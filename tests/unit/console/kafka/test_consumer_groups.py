"""Consumer groups: retried errors, immediate errors and timeouts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.console.errors import CommandError
from headrace.console.kafka import consumer_groups
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.offsets import CommittedOffset
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

PLACES = [("uploads", 0), ("uploads", 1)]
Answer = Callable[[], list[TopicPartition]]


SECONDS = 0.3


class Observer:
    """A consumer that returns queued responses; the last one repeats."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers
        self.closed = False

    def committed(self, asked: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert 0 < timeout <= SECONDS
        assert [(tp.topic, tp.partition) for tp in asked] == PLACES
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer()

    def close(self) -> None:
        self.closed = True


def failing(code: int) -> Answer:
    def answer() -> list[TopicPartition]:
        raise KafkaException(KafkaError(code))

    return answer


def committed() -> list[TopicPartition]:
    return [TopicPartition("uploads", 0, 7, metadata="a note"), TopicPartition("uploads", 1, -1001)]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Observer]:
    """Replace consumers by ones with these responses, with short timeouts."""
    monkeypatch.setattr(consumer_groups, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(clients, "admin", lambda _: None)

    def answering(*answers: Answer) -> Observer:
        observer = Observer(list(answers))
        monkeypatch.setattr(clients, "observer", lambda _, __: observer)
        return observer

    return answering


def ask(*names: str) -> dict[str, dict[tuple[str, int], CommittedOffset]]:
    settings = KafkaSettings(bootstrap_servers="kafka:1", kafka_timeout_seconds=SECONDS)
    return ConsumerGroups(settings).positions(dict.fromkeys(names or ("scan",), PLACES))


def test_positions_omit_partitions_without_a_commit(answering: Callable[..., Observer]) -> None:
    observer = answering(committed)
    assert ask() == {"scan": {("uploads", 0): CommittedOffset(7, "a note")}}
    assert observer.closed


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError._TIMED_OUT,
    ],
)
def test_retries_while_the_coordinator_loads(answering: Callable[..., Observer], code: int) -> None:
    answering(failing(code), failing(code), committed)
    assert ask()["scan"]


@pytest.mark.parametrize("code", [KafkaError.NOT_COORDINATOR, KafkaError._TIMED_OUT])
def test_timeout_error_names_the_group_and_the_seconds(answering: Callable[..., Observer], code: int) -> None:
    observer = answering(failing(code))
    with pytest.raises(
        CommandError, match=r"Kafka at kafka:1 did not answer about the consumer group scan within 0\.3 s"
    ):
        ask()
    assert observer.closed


def test_other_errors_are_raised_without_retry(answering: Callable[..., Observer]) -> None:
    answering(failing(KafkaError.GROUP_AUTHORIZATION_FAILED), committed)
    with pytest.raises(KafkaException):
        ask()


def test_partition_error_is_raised(answering: Callable[..., Observer]) -> None:
    class Forbidden:
        error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)

    answering(lambda: [*committed(), Forbidden()])
    with pytest.raises(KafkaException):
        ask()


def test_undecodable_metadata_is_none(answering: Callable[..., Observer]) -> None:
    class Foreign:
        topic, partition, offset, error = "uploads", 0, 7, None

        @property
        def metadata(self) -> str:
            return b"note\xff\xfe".decode()

    answering(lambda: cast(Any, [Foreign()]))
    assert ask() == {"scan": {("uploads", 0): CommittedOffset(7)}}


def test_connection_is_kept_until_a_read_fails(answering: Callable[..., Observer]) -> None:
    observer = answering(committed, committed, failing(KafkaError.GROUP_AUTHORIZATION_FAILED), committed)
    settings = KafkaSettings(bootstrap_servers="kafka:1", kafka_timeout_seconds=SECONDS)
    groups = ConsumerGroups(settings, keeps_connections=True)
    for _ in range(2):
        assert groups.positions({"scan": PLACES})["scan"]
        assert not observer.closed
    with pytest.raises(KafkaException):
        groups.positions({"scan": PLACES})
    assert observer.closed


def test_positions_of_no_partitions_send_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "admin", lambda _: None)
    monkeypatch.setattr(clients, "observer", None)
    assert ConsumerGroups(KafkaSettings(bootstrap_servers="kafka:1")).positions({"scan": []}) == {"scan": {}}


def test_stops_at_the_first_failed_group(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    together = threading.Barrier(consumer_groups.MAX_CONCURRENT_REQUESTS)

    class Admin:
        def describe_consumer_groups(self, names: Collection[str], request_timeout: float) -> dict[str, Future[Any]]:
            [name] = names
            asked.append(name)
            together.wait(50 if len(asked) <= consumer_groups.MAX_CONCURRENT_REQUESTS else 5)
            answer: Future[Any] = Future()
            answer.set_exception(KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)))
            return {name: answer}

    monkeypatch.setattr(clients, "reconnecting_admin", lambda _: SimpleNamespace(client=Admin))
    names = [f"group-{each}" for each in range(10 * consumer_groups.MAX_CONCURRENT_REQUESTS)]
    with pytest.raises(KafkaException):
        ConsumerGroups(KafkaSettings(bootstrap_servers="kafka:1")).members(names)
    assert len(asked) < len(names)
