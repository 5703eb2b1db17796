"""Long spans of letters are read in a quicker way, which finds what the usual one does, or leaves it to that."""

from __future__ import annotations

import random
import uuid

import pytest
from confluent_kafka import Producer, TopicPartition

from headrace.console.kafka import batch_fetch, topic_reader
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.sandbox.cluster.ports import free_port
from headrace.schemas.cloudevents import Header
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.topics import Topic

ALL = 400


class Site:
    """A topic of two partitions that nobody else has."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self.topic = f"fetch-{uuid.uuid4().hex[:12]}"
        clients.create_topics(clients.admin(self.settings), [Topic(self.topic, "anything", partitions=2)], 1)
        self.log = TopicReader(self.settings)

    def fill(self, producer: Producer, number: int = ALL, each: int = 30) -> None:
        """Put records of many shapes on the log, so many in a batch."""
        for count in range(number):
            headers: list[Header] = [("ce_id", f"{count}".encode()), ("none", None), ("ce_id", b"again")][: count % 4]
            value, key = (None if count % 7 == 0 else b"v" * count), (None if count % 5 == 0 else f"{count}".encode())
            told: list[tuple[str, str | bytes | None]] = list(headers)
            producer.produce(self.topic, value, key, partition=count % 2, headers=told)
            if count % each == 0:
                assert producer.flush(20) == 0
        assert producer.flush(20) == 0

    def spans(self) -> dict[TopicAndPartition, OffsetRange]:
        return self.log.spans([self.topic])

    def read(self, spans: dict[TopicAndPartition, OffsetRange], values: bool = True) -> list[ConsumerRecord]:
        return sorted_by_place(record for records in self.log.read(spans, values) for record in records)


def sorted_by_place(records: object) -> list[ConsumerRecord]:
    return sorted(records, key=lambda each: (each.partition, each.offset))  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def site(cluster_env: dict[str, str]) -> Site:
    return Site(cluster_env)


@pytest.mark.parametrize("values", [True, False])
def test_it_finds_what_the_usual_way_finds(site: Site, values: bool) -> None:
    site.fill(clients.producer(site.settings))
    spans = {(site.topic, 0): OffsetRange(17, 133), (site.topic, 1): OffsetRange(0, ALL // 2)}
    left = dict(spans)

    quickly = sorted_by_place(record for records in batch_fetch.read(site.settings, left, values) for record in records)

    assert left == {}
    assert len(quickly) == 133 - 17 + ALL // 2
    assert quickly == site.read(spans, values)


def test_what_a_transaction_gave_up_is_left_to_the_usual_way(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    producer = clients.producer(site.settings, **{"transactional.id": site.topic})
    producer.init_transactions(20)
    for commits in (True, True, False, True):
        producer.begin_transaction()
        site.fill(producer, 100)
        (producer.commit_transaction if commits else producer.abort_transaction)(20)
    spans, usual = site.spans(), site.read(site.spans())

    monkeypatch.setattr(topic_reader, "MANY", 1)

    assert site.read(spans) == usual
    assert len(usual) == 300


def test_a_reader_goes_on_where_the_quicker_way_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(clients.producer(site.settings))
    usual, parsed = site.read(site.spans()), batch_fetch._parsed
    answers: list[object] = []

    def second_is_broken(answer: object) -> object:
        answers.append(answer)
        if len(answers) == 2:
            raise ValueError("broken")
        return parsed(answer)

    monkeypatch.setattr(topic_reader, "MANY", 1)
    monkeypatch.setattr(batch_fetch, "BYTES", 4096)
    monkeypatch.setattr(batch_fetch, "_parsed", second_is_broken)

    assert site.read(site.spans()) == usual
    assert len(answers) == 2


def test_records_that_have_expired_are_no_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(clients.producer(site.settings))
    spans = site.spans()
    admin, expired = clients.admin(site.settings), TopicPartition(site.topic, 1, 150)
    admin.delete_records([expired])[expired].result(20)

    monkeypatch.setattr(topic_reader, "MANY", 1)

    assert [(each.partition, each.offset) for each in site.read(spans)] == [
        *((0, offset) for offset in range(ALL // 2)),
        *((1, offset) for offset in range(150, ALL // 2)),
    ]


def test_a_broker_that_is_away_is_left_to_the_usual_way(capfd: pytest.CaptureFixture[str]) -> None:
    nobody = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port(None, [], random.Random())}")
    spans = {("scan.dlq", 0): OffsetRange(0, 5)}

    assert list(batch_fetch.read(nobody, spans, values=False)) == []
    assert spans == {("scan.dlq", 0): OffsetRange(0, 5)}
    assert capfd.readouterr().err == ""
