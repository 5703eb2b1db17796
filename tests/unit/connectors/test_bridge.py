"""A message is deleted when Kafka has every record of it, never before, and whatever fails leaves it to come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connectors.aws import QueueUnavailable, Rejected
from connectors.bridge import Bridge, BridgeFailed
from connectors.flight import Counts, Source
from connectors.settings import BridgeSettings
from tests.support.records import CODEC
from tests.unit.connectors import sent
from tests.unit.connectors.stubs import StubProducer, StubQueue, eventually

LOST = KafkaError(KafkaError._MSG_TIMED_OUT)
UNREADABLE = "no json"


class Bench:
    """A bridge between a stub queue and a stub producer."""

    def __init__(self, queue: StubQueue, **settings: Any) -> None:
        given = {"queue_urls": queue.url, "bridge_receivers": 1, "bridge_drain_seconds": 5, **settings}
        self.queue = queue
        self.producer = StubProducer()
        self.stop = threading.Event()
        connect: Any = self.producer.connect
        self.bridge = Bridge(BridgeSettings(**given), connect, CODEC, self.stop)
        self.bridge.open()
        self.bridge.add(Source(queue, 30))  # type: ignore[arg-type]

    @property
    def counts(self) -> Counts:
        return self.bridge.counts

    def close(self) -> Counts:
        self.bridge.close()
        return self.counts


def conserved(counts: Counts) -> bool:
    return counts.received == counts.translated + counts.refused + counts.ignored + counts.left


@pytest.fixture
def queue() -> StubQueue:
    return StubQueue()


@pytest.fixture
def bench(queue: StubQueue) -> Iterator[Bench]:
    bench = Bench(queue)
    yield bench
    if not bench.stop.is_set():
        bench.close()


def test_a_message_is_deleted_only_after_the_last_of_its_records_is_acknowledged(bench: Bench) -> None:
    bench.queue.send(sent.notification(sent.record("a"), sent.record("b"), sent.record("c")))

    bench.producer.acknowledge(2)
    bench.producer.acknowledge(0)
    # A message that tells of nothing is deleted at once: by then the other would have been as well.
    bench.queue.send('{"Event": "s3:TestEvent"}', '{"Event": "s3:TestEvent"}')
    assert eventually(lambda: bench.counts.ignored == 2 and len(bench.queue.deleted) == 2)
    assert bench.counts.translated == 0

    bench.producer.acknowledge(1)
    assert eventually(lambda: len(bench.queue.deleted) == 3)
    assert asdict(bench.close()) == asdict(Counts(received=3, translated=1, ignored=2, deleted=3, records=3))


def test_a_message_with_a_record_that_was_not_taken_is_left_to_come_back(bench: Bench) -> None:
    bench.queue.send(sent.notification(sent.record("a"), sent.record("b")))
    bench.producer.acknowledge(0)
    bench.producer.acknowledge(1, LOST)

    assert eventually(lambda: bench.counts.left == 1)
    assert asdict(bench.close()) == asdict(Counts(received=1, left=1))
    assert bench.queue.deleted == []


def test_a_record_that_the_producer_refuses_leaves_the_message(bench: Bench) -> None:
    bench.producer.raises = [KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))]
    bench.queue.send(sent.notification(sent.record("a"), sent.record("b")))
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.counts.left == 1)
    assert bench.close().deleted == 0


def test_a_full_producer_holds_the_bridge_back_and_loses_nothing(bench: Bench) -> None:
    bench.producer.raises = [BufferError(), BufferError()]
    bench.queue.send(sent.notification())
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.counts.deleted == 1)
    assert len(bench.producer.sent) == 1


def test_a_producer_that_is_beyond_repair_ends_the_bridge(bench: Bench) -> None:
    fatal = KafkaError(KafkaError._FATAL, "fenced", True)
    bench.producer.raises = [KafkaException(fatal)]
    bench.queue.send(sent.notification())

    assert eventually(bench.stop.is_set)
    with pytest.raises(BridgeFailed, match="fenced"):
        bench.close()
    assert conserved(bench.counts)
    assert bench.queue.deleted == []


def test_what_nobody_can_read_is_deleted_once_it_is_a_dead_letter(bench: Bench) -> None:
    with capture_logs() as logs:
        bench.queue.send(UNREADABLE)
        assert eventually(lambda: bench.producer.topics == ["bridge.dlq"])
        assert bench.queue.deleted == []
        bench.producer.acknowledge(0)
        assert eventually(lambda: bench.queue.deleted == ["m0"])

    assert bench.producer.sent[0][1] == UNREADABLE.encode()
    assert bench.close().refused == 1
    (line,) = [line for line in logs if line["event"] == "refused"]
    assert (line["message"], line["code"], line["queue"]) == ("m0", "not_json", bench.queue.url)
    assert not any(UNREADABLE in str(line) for line in logs)


def test_what_nobody_can_read_can_be_left_to_the_queue(queue: StubQueue) -> None:
    bench = Bench(queue, leave_unreadable=True)
    queue.send(UNREADABLE)

    assert eventually(lambda: bench.counts.left == 1)
    assert asdict(bench.close()) == asdict(Counts(received=1, left=1))
    assert (queue.deleted, bench.producer.sent) == ([], [])


def test_no_more_messages_are_held_than_is_allowed(queue: StubQueue) -> None:
    for _ in range(5):
        queue.send(*[sent.notification()] * 10)
    bench = Bench(queue, bridge_in_flight=20, bridge_receivers=4)

    assert eventually(lambda: bench.counts.received == 20)
    receives = queue.receives
    assert not eventually_within(0.3, lambda: queue.receives > receives)
    for number in range(10):
        bench.producer.acknowledge(number)
    assert eventually(lambda: bench.counts.received == 30)
    for number in range(10, 50):
        bench.producer.acknowledge(number)
    assert eventually(lambda: bench.counts.deleted == 50)
    assert conserved(bench.close())


def eventually_within(seconds: float, holds: Any) -> bool:
    """Whether something comes to hold, where it should not."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    while not over.is_set():
        if holds():
            timer.cancel()
            return True
        over.wait(0.01)
    return False


def test_a_fifo_group_keeps_its_order_when_one_of_it_is_left() -> None:
    queue = StubQueue("http://sqs/media.fifo")
    bench = Bench(queue)
    queue.send(*[sent.notification(sent.record(key)) for key in "abcd"], group="g")
    for number, error in enumerate((None, LOST, None, None)):
        bench.producer.acknowledge(number, error)

    assert eventually(lambda: queue.deleted == ["m0"])
    assert asdict(bench.close()) == asdict(Counts(received=4, translated=1, left=3, deleted=1, records=1))


def test_a_stop_waits_for_what_is_under_way_and_deletes_it(bench: Bench) -> None:
    bench.queue.send(sent.notification())
    assert eventually(lambda: len(bench.producer.sent) == 1)
    closing = threading.Thread(target=bench.close)
    closing.start()
    assert eventually(bench.stop.is_set)
    bench.producer.acknowledge(0)
    closing.join(5)

    assert not closing.is_alive()
    assert asdict(bench.counts) == asdict(Counts(received=1, translated=1, deleted=1, records=1))


def test_a_stop_does_not_wait_for_ever_and_what_comes_after_it_changes_nothing(queue: StubQueue) -> None:
    bench = Bench(queue, bridge_drain_seconds=0.1)
    queue.send(sent.notification())
    assert eventually(lambda: len(bench.producer.sent) == 1)

    counts = asdict(bench.close())
    bench.producer.acknowledge(0)
    bench.producer.poll(1)

    assert counts == asdict(bench.counts) == asdict(Counts(received=1, left=1))
    assert queue.deleted == []


def test_what_a_long_poll_brings_after_the_stop_is_given_back_at_once(queue: StubQueue) -> None:
    polling, go_on = threading.Event(), threading.Event()
    receive = queue.receive

    def slow() -> Any:
        polling.set()
        go_on.wait(5)
        return receive()

    queue.receive = slow  # type: ignore[method-assign]
    bench = Bench(queue)
    assert polling.wait(5)
    bench.close()
    queue.send(sent.notification())
    go_on.set()

    assert eventually(lambda: queue.hidden == [("m0", 0)])
    assert bench.counts.received == 0


def test_a_queue_that_goes_away_is_told_of_once_and_asked_again_until_it_is_back(queue: StubQueue) -> None:
    queue.errors["receive"] = [QueueUnavailable("does not exist")] * 2
    queue.send(sent.notification())
    with capture_logs() as logs:
        bench = Bench(queue)
        bench.producer.acknowledge(0)
        assert eventually(lambda: queue.deleted == ["m0"])
        bench.close()

    assert [line["event"] for line in logs] == ["waiting", "works again"]
    assert logs[0]["on"] == "does not exist"


def test_a_delete_that_failed_is_tried_again(bench: Bench) -> None:
    bench.queue.errors["delete"] = [QueueUnavailable("throttled")]
    bench.queue.send(sent.notification())
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.queue.deleted == ["m0"])
    assert bench.close().deleted == 1


def test_of_a_batch_only_what_was_not_deleted_is_tried_again(bench: Bench) -> None:
    bench.queue.send(*[sent.notification(sent.record(key)) for key in "abcdefghij"])
    assert eventually(lambda: len(bench.producer.sent) == 10)
    (held,) = [flight for flight in bench.bridge._airspace.snapshot() if flight.delivery.id == "m3"]
    bench.queue.rejects = [Rejected(held.delivery, "InternalError: ", gone=False)]
    for number in range(10):
        bench.producer.acknowledge(number)

    assert eventually(lambda: len(bench.queue.deleted) == 10)
    assert bench.queue.batches == [10, 1]
    assert bench.queue.deleted[-1] == "m3"


def test_a_handle_that_has_expired_is_told_of_and_not_tried_again(bench: Bench) -> None:
    bench.queue.send(sent.notification())
    assert eventually(lambda: len(bench.producer.sent) == 1)
    (held,) = bench.bridge._airspace.snapshot()
    bench.queue.rejects = [Rejected(held.delivery, "ReceiptHandleIsInvalid: ", gone=True)]
    with capture_logs() as logs:
        bench.producer.acknowledge(0)
        assert eventually(lambda: not bench.bridge._airspace.snapshot())

    assert [line["event"] for line in logs] == ["not deleted"]
    assert asdict(bench.close()) == asdict(Counts(received=1, translated=1, records=1))


def test_a_thread_that_dies_ends_the_bridge_rather_than_let_it_carry_less(bench: Bench) -> None:
    bench.queue.errors["receive"] = [ZeroDivisionError("a bug")]

    assert eventually(bench.stop.is_set)
    with pytest.raises(BridgeFailed, match="a bug"):
        bench.close()


def test_an_outage_of_kafka_is_told_of_once_and_its_end_too(bench: Bench) -> None:
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    with capture_logs() as logs:
        for _ in range(3):
            bench.producer.given["error_cb"](down)
        bench.queue.send(sent.notification())
        bench.producer.acknowledge(0)
        assert eventually(lambda: bench.counts.translated == 1)

    assert [line["event"] for line in logs] == ["waiting", "works again"]
