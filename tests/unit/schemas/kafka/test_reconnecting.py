"""A client of librdkafka that does not reconnect is replaced. None of its records is lost or acknowledged falsely."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from headrace.schemas.kafka import broker_watch, clients
from headrace.schemas.kafka.broker_watch import PATIENCE_SECONDS, PROBE_SECONDS, ClientStuckError
from headrace.schemas.kafka.producer import AsyncProducer, enqueue
from headrace.schemas.kafka.reconnecting import OnError, ReconnectingAdmin, ReconnectingProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.schemas.topics import Topic
from tests.support.metadata_proxy import MetadataProxy, metadata_proxy

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)
PURGED = KafkaError(KafkaError._PURGE_QUEUE)
TOPIC = Topic("media.uploaded", "", partitions=1)
RECORD = ProducerRecord(TOPIC.name, b"key", b"value")
WITHIN_SECONDS = 120.0
ROUNDS = 30
"""About half of the clients that get an answer without brokers do not reconnect."""


class Client:
    """A producer of librdkafka that acknowledges nothing, and returns purged records at the next poll."""

    def __init__(self, report: OnError) -> None:
        self.report = report
        self.waiting: list[Callable[[KafkaError, Any], None]] = []
        self.purged = False

    def produce(self, *_: Any, on_delivery: Any, headers: Any) -> None:
        self.waiting.append(on_delivery)
        self.purged = False

    def purge(self) -> None:
        self.purged = True

    def poll(self, _: float) -> int:
        while self.purged and self.waiting:
            self.waiting.pop()(PURGED, None)
        return 0

    def list_topics(self, *_: Any, timeout: float) -> None:
        raise KafkaException(DOWN)

    def __len__(self) -> int:
        return len(self.waiting)


class Clients:
    """The clients that were created for one producer, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.created: list[Client] = []
        self.producer = ReconnectingProducer(self.connect, lambda: True, clock=lambda: self.now)

    def connect(self, report: OnError) -> Any:
        self.created.append(Client(report))
        return self.created[-1]

    def replace(self) -> None:
        """Let the client lose its brokers, and check the producer until it is replaced."""
        self.created[-1].report(DOWN)
        before, self.now = len(self.created), self.now + PATIENCE_SECONDS
        while len(self.created) == before:
            self.producer.check()
            self.now += PROBE_SECONDS


def test_records_of_a_replaced_client_are_reported_as_failed() -> None:
    clients_, reports = Clients(), list[KafkaError | None]()
    assert enqueue(clients_.producer, RECORD, lambda error, _: reports.append(error))
    clients_.replace()
    clients_.producer.poll(0)
    assert [error.code() for error in reports if error] == [KafkaError._PURGE_QUEUE]
    enqueue(clients_.producer, RECORD, lambda error, _: reports.append(error))
    assert [len(client) for client in clients_.created] == [0, 1]
    assert len(clients_.producer) == 1


def test_record_that_another_thread_gives_to_a_replaced_client_is_reported() -> None:
    clients_, reports = Clients(), list[KafkaError | None]()
    clients_.replace()
    clients_.producer.poll(0)
    clients_.created[0].produce(on_delivery=lambda error, _: reports.append(error), headers=())
    clients_.producer.poll(0)
    assert reports == [PURGED]


def test_producer_is_closed_when_nothing_refers_to_it() -> None:
    producer = clients.producer(KafkaSettings(bootstrap_servers="127.0.0.1:9"))
    gone = weakref.ref(producer)
    gc.disable()
    try:
        del producer
        assert gone() is None
    finally:
        gc.enable()


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check clients after a moment, and not after a minute."""
    monkeypatch.setattr(broker_watch, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(broker_watch, "PROBE_SECONDS", 0.3)


@pytest.fixture
def proxy(prompt: None) -> Iterator[MetadataProxy]:
    """Run librdkafka's mock broker behind a proxy."""
    broker = Producer({"bootstrap.servers": "127.0.0.1:9", "test.mock.num.brokers": 1, "log_level": 2})
    [node] = broker.list_topics(timeout=WITHIN_SECONDS).brokers.values()
    with metadata_proxy(node.host, node.port) as proxy:
        proxy.broker = broker  # type: ignore[attr-defined]  # it ends with its client
        yield proxy


def settings(proxy: MetadataProxy) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=proxy.address)


def hide_brokers(proxy: MetadataProxy, client: Any) -> None:
    """Let a client get one metadata answer without brokers."""
    proxy.left_to_empty = 1
    deadline, emptied = time.monotonic() + WITHIN_SECONDS, proxy.emptied
    while proxy.emptied == emptied and time.monotonic() < deadline:
        try:
            client.list_topics(TOPIC.name, timeout=1.0)
        except KafkaException:
            continue
    assert proxy.emptied > emptied


async def test_async_producer_sends_again_after_an_answer_without_brokers(proxy: MetadataProxy) -> None:
    """Every record is acknowledged or failed, and the acknowledged ones are on the log."""
    raw = clients.producer(settings(proxy))
    producer, first = AsyncProducer(raw), raw._current
    acknowledged, failed = list[int](), set[tuple[str, bool]]()
    await producer.send([RECORD])
    for number in range(ROUNDS):
        await asyncio.to_thread(hide_brokers, proxy, raw)
        record = ProducerRecord(TOPIC.name, b"key", str(number).encode())
        for _ in range(2):  # the stage retries a record that was not acknowledged
            try:
                await asyncio.wait_for(producer.send([record]), WITHIN_SECONDS)
            except SendError as error:
                failed.add((error.reason, error.final))
            else:
                acknowledged.append(number)
                break
        if raw._current is not first:
            break
    assert raw._current is not first, "no client was stuck"
    assert acknowledged == list(range(len(acknowledged)))
    assert len(acknowledged) == number + 1
    assert failed <= {("Local: Purged in queue", False), ("Local: Purged in flight", False)}
    assert {str(each).encode() for each in acknowledged} <= set(read(proxy))
    assert producer.in_flight == 0


def read(proxy: MetadataProxy) -> list[bytes]:
    """Read the topic to its end."""
    consumer, values = clients.simple_consumer(settings(proxy)), list[bytes]()
    left = set(range(clients.partition_counts(clients.admin(settings(proxy)))[TOPIC.name]))
    consumer.assign([TopicPartition(TOPIC.name, partition, 0) for partition in left])
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        for message in consumer.consume(100, 0.2):
            error = message.error()
            if error is None:
                values.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition() or 0)
        if not left:
            consumer.close()
            return values
    raise AssertionError("the end of the topic was not reached")


def test_follower_reads_on_after_an_answer_without_brokers(
    proxy: MetadataProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    create = clients.simple_consumer

    def remember(*given: Any, **options: Any) -> Any:
        opened.append(create(*given, **options))
        return opened[-1]

    monkeypatch.setattr(clients, "simple_consumer", remember)
    values, changed = list[bytes](), threading.Condition()

    def take(record: Any) -> None:
        with changed:
            values.append(record.value)
            changed.notify()

    written, writer = [b"first"], proxy.broker  # type: ignore[attr-defined]
    writer.produce(TOPIC.name, b"first", b"key", partition=0)
    assert writer.flush(WITHIN_SECONDS) == 0
    follower = TopicFollower(settings(proxy), [TOPIC], take)
    try:
        assert follower.start(WITHIN_SECONDS)
        for number in range(ROUNDS):
            hide_brokers(proxy, opened[-1])
            writer.produce(TOPIC.name, str(number), b"key", partition=0)
            assert writer.flush(WITHIN_SECONDS) == 0
            written.append(str(number).encode())
            with changed:
                assert changed.wait_for(lambda: values == written, WITHIN_SECONDS), values
            if len(opened) > 1:
                break
        assert len(opened) > 1, "no client was stuck"
    finally:
        follower.stop()


def test_stuck_admin_client_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[Client] = []

    def connect(report: OnError) -> Any:
        created.append(Client(report))
        return created[-1]

    admin: Any = ReconnectingAdmin(connect, lambda: True)
    assert admin.client() is created[0]
    monkeypatch.setattr(broker_watch, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(broker_watch, "PROBE_SECONDS", 0.0)
    created[0].report(DOWN)
    assert [admin.client() is created[0] for _ in range(broker_watch.PROBES - 1)] == [True]
    assert admin.client() is created[1]
    assert admin.client() is created[1]
    assert len(created) == 2


def test_stuck_consumer_raises_an_error_that_names_the_fault(prompt: None, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = clients.simple_consumer(KafkaSettings(bootstrap_servers="127.0.0.1:9"))
    monkeypatch.setattr(consumer._watch, "_answers", lambda: True)
    with pytest.raises(ClientStuckError, match="does not reconnect"):
        poll_for(consumer, WITHIN_SECONDS)
    consumer.close()


def poll_for(consumer: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        consumer.poll(0.1)
