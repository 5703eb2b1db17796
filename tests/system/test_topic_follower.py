"""No record and no error ends the reader of a control topic."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaException
from structlog.testing import capture_logs

from headrace.schemas.kafka import clients, topic_follower
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower, each_value
from headrace.schemas.topics import Topic
from headrace.streams.routing.rule_table import RuleTable
from tests.unit.streams.routing.test_rule_table import HOSTILE_RULES, change

WITHIN_SECONDS = 60.0
RULE = 'reads = ["media.completed"]\n[target]\ntopic = "aws.events"\n'


@pytest.fixture
def settings(cluster_env: dict[str, str]) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=cluster_env["HEADRACE_BOOTSTRAP_SERVERS"])


@pytest.fixture
def topic(settings: KafkaSettings) -> Topic:
    new = Topic(f"t{uuid.uuid4().hex[:12]}", "", partitions=1)
    clients.create_topics(clients.admin(settings), [new], replication_factor=1)
    return new


def write(settings: KafkaSettings, topic: Topic, *records: tuple[bytes, bytes]) -> None:
    producer = clients.producer(settings)
    for key, value in records:
        producer.produce(topic.name, value, key)
    assert producer.flush(WITHIN_SECONDS) == 0


def eventually(condition: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), MemoryError(), KeyError("x"), AssertionError(), RuntimeError()]
)
def test_record_that_raises_is_skipped_and_reported(settings: KafkaSettings, topic: Topic, error: Exception) -> None:
    write(settings, topic, (b"a", b"one"), (b"b", b"bad"), (b"c", b"three"))
    values: list[bytes] = []

    def take(value: bytes, _: object) -> None:
        if value == b"bad":
            raise error
        values.append(value)

    follower = TopicFollower(settings, [topic], each_value(take))
    with capture_logs() as logs:
        assert follower.start(WITHIN_SECONDS)
        [skipped] = follower.skipped()
        write(settings, topic, (b"b", b"good"))
        assert eventually(lambda: values == [b"one", b"three", b"good"])
        assert eventually(lambda: follower.skipped() == [])
    follower.stop()

    assert skipped[:4] == (topic.name, 0, 1, b"b")
    assert type(error).__name__ in skipped.reason
    [line] = [line for line in logs if line["event"] == "record_skipped"]
    assert (line["topic"], line["partition"], line["offset"]) == (topic.name, 0, 1)
    assert follower.problem() == ""


def test_reader_continues_behind_its_last_record_after_an_error(
    settings: KafkaSettings, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even an exception that ends other threads ends it."""
    write(settings, topic, (b"a", b"one"), (b"b", b"two"), (b"c", b"three"))
    values: list[bytes] = []
    problems: list[str] = []
    left = 2

    def take(value: bytes, _: object) -> None:
        nonlocal left
        if value == b"two" and left:
            left -= 1
            raise SystemExit(1)
        problems.append(follower.problem())
        values.append(value)

    follower = TopicFollower(settings, [topic], each_value(take))
    assert follower.start(WITHIN_SECONDS)
    follower.stop()

    assert values == [b"one", b"two", b"three"]
    assert problems[0] == ""
    assert "SystemExit" in problems[1]
    assert follower.problem() == ""


def test_thread_that_is_gone_is_a_problem(
    settings: KafkaSettings, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = TopicFollower(settings, [topic], lambda *_: None)
    monkeypatch.setattr(follower, "_run", lambda: None)
    monkeypatch.setattr(follower._thread, "_target", lambda: None)
    follower.start(0.0)

    assert eventually(lambda: "has ended" in follower.problem())


def test_progress_is_logged_until_the_end_is_reached(
    settings: KafkaSettings, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_follower, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(topic_follower, "BATCH", 1)
    write(settings, topic, *[(b"k", str(number).encode()) for number in range(5)])
    follower = TopicFollower(settings, [topic], lambda *_: None)

    with capture_logs() as logs:
        assert not follower.caught_up
        assert follower.start(WITHIN_SECONDS)
    follower.stop()

    lines = [(line["topics"], line["records"]) for line in logs if line["event"] == "catching_up"]
    assert (topic.name, 1) in lines
    assert follower.caught_up


def test_rules_behind_hostile_ones_are_active(settings: KafkaSettings, topic: Topic) -> None:
    table = RuleTable(lambda _: None, ())
    hostile = [(f"h{number}".encode(), value) for number, value in enumerate(HOSTILE_RULES.values())]
    write(settings, topic, *hostile, (b"good", change("good", RULE)))
    follower = TopicFollower(settings, [topic], each_value(table.take))

    assert follower.start(WITHIN_SECONDS)
    follower.stop()

    assert [rule.name for rule in table.rules()] == ["good"]
    assert [each.offset for each in follower.skipped()] == list(range(len(HOSTILE_RULES)))


def test_topic_and_partitions_that_are_created_later_are_read(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_follower, "NEW_PARTITIONS_SECONDS", 0.1)
    topic = Topic(f"t{uuid.uuid4().hex[:12]}", "", partitions=1)
    values: list[bytes] = []
    follower = TopicFollower(settings, [topic], each_value(lambda value, _: values.append(value)))
    assert follower.start(WITHIN_SECONDS)
    clients.create_topics(clients.admin(settings), [topic], replication_factor=1)
    write(settings, topic, (b"a", b"one"))
    assert eventually(lambda: values == [b"one"])
    clients.add_partitions(clients.admin(settings), {topic.name: 2})
    producer = clients.producer(settings)

    def is_sent() -> bool:
        with contextlib.suppress(KafkaException):  # the producer does not know the partition yet
            producer.produce(topic.name, b"two", partition=1)
            return bool(producer.flush(WITHIN_SECONDS) == 0)
        return False

    assert eventually(is_sent)
    assert eventually(lambda: values == [b"one", b"two"])
    follower.stop()
