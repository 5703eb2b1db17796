"""`GroupLock` against a consumer without a broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.console.errors import CommandError
from headrace.console.kafka import group_lock
from headrace.console.kafka.group_lock import GroupLock
from headrace.console.kafka.offsets import CommittedOffset
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:1")
TOPIC = "scan.dlq"
GROUP = "headrace.redrive.scan"

Rebalance = Callable[[Any, list[TopicPartition]], None]


class ErrorMessage:
    """A polled message that carries an error."""

    def __init__(self, code: int) -> None:
        self._error = KafkaError(code)

    def error(self) -> KafkaError:
        return self._error


@dataclass
class FakeConsumer:
    """Assigns `partitions` on the first poll; returns queued errors afterwards."""

    partitions: int
    errors: list[ErrorMessage] = field(default_factory=list)
    paused: list[TopicPartition] = field(default_factory=list)
    committed: list[TopicPartition] = field(default_factory=list)
    closed: bool = False
    on_assign: Rebalance | None = None
    on_revoke: Rebalance | None = None
    joined: bool = False

    def subscribe(self, topics: list[str], on_assign: Rebalance, on_revoke: Rebalance) -> None:
        assert topics == [TOPIC]
        self.on_assign, self.on_revoke = on_assign, on_revoke

    def consume(self, number: int, seconds: float) -> list[ErrorMessage]:
        if not self.joined and self.on_assign is not None and self.partitions:
            self.joined = True
            self.on_assign(self, [TopicPartition(TOPIC, number) for number in range(self.partitions)])
        errors, self.errors = self.errors[:number], self.errors[number:]
        return errors

    def revoke(self) -> None:
        assert self.on_revoke is not None
        self.on_revoke(self, [])

    def assign(self, partitions: list[TopicPartition]) -> None:
        assert len(partitions) == self.partitions

    def unassign(self) -> None:
        self.partitions = 0

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused = partitions

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.committed += offsets

    def close(self) -> None:
        self.closed = True


Lock = Callable[[FakeConsumer], GroupLock]


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Lock:
    """Build a lock over two partitions that uses the given consumer."""

    def build(consumer: FakeConsumer) -> GroupLock:
        monkeypatch.setattr(clients, "simple_consumer", lambda *_, **__: consumer)
        monkeypatch.setattr(group_lock, "JOIN_SECONDS", 0.05)
        return GroupLock(SETTINGS, GROUP, TOPIC, 2)

    return build


def test_joins_without_fetching_and_closes(lock: Lock) -> None:
    consumer = FakeConsumer(2)
    with lock(consumer) as held:
        held.keep()
        assert len(consumer.paused) == 2
        assert not consumer.closed
    assert consumer.closed


@pytest.mark.parametrize("partitions", [0, 1])
def test_entering_fails_while_another_member_holds_partitions(lock: Lock, partitions: int) -> None:
    consumer = FakeConsumer(partitions)
    with pytest.raises(CommandError, match=GROUP), lock(consumer):
        pass
    assert consumer.closed


def test_keep_fails_after_the_partitions_are_revoked(lock: Lock) -> None:
    consumer = FakeConsumer(2)
    with lock(consumer) as held:
        consumer.revoke()
        with pytest.raises(CommandError, match=GROUP):
            held.keep()


def test_keep_raises_fatal_errors(lock: Lock) -> None:
    consumer = FakeConsumer(2)
    with lock(consumer) as held:
        consumer.errors = [ErrorMessage(KafkaError.TOPIC_AUTHORIZATION_FAILED)]
        with pytest.raises(KafkaException):
            held.keep()


def test_commits_offsets_with_metadata(lock: Lock) -> None:
    consumer = FakeConsumer(2)
    with lock(consumer) as held:
        held.commit({})
        assert consumer.committed == []
        held.commit({(TOPIC, 1): CommittedOffset(7, "note")})
    [committed] = consumer.committed
    assert (committed.topic, committed.partition, committed.offset, committed.metadata) == (TOPIC, 1, 7, "note")
