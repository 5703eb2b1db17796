"""The bridge deletes a message once every record of it is acknowledged, and returns it after any failure."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from headrace.connectors.aws.object_head import HeadObject, ObjectHead, ObjectHeadUnavailableError, no_head
from headrace.connectors.bridge import visibility
from headrace.connectors.bridge.bridge import Bridge, BridgeError
from headrace.connectors.bridge.in_flight import InFlightMessage, QueueSourceState
from headrace.connectors.bridge.message_states import BridgeCounts
from headrace.connectors.bridge.producer import BridgeProducer
from headrace.connectors.bridge.queue import BatchEntryError, QueueUnavailableError
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.events.version_order import time_sequencer
from headrace.schemas.records import MediaUploaded
from tests.support.records import CODEC
from tests.unit.connectors.bridge.stubs import StubProducer, StubQueue, eventually
from tests.unit.connectors.webhook import sns_messages

LOST = KafkaError(KafkaError._MSG_TIMED_OUT)
FATAL = KafkaError(KafkaError._FATAL, "fenced", True)
UNPARSEABLE = "no json"


class Bench:
    """A bridge between a stub queue and a stub producer."""

    def __init__(
        self, queue: StubQueue, kind: type[Bridge] = Bridge, head_object: HeadObject = no_head, **settings: Any
    ) -> None:
        given = {"queue_urls": queue.url, "bridge_receivers": 1, "bridge_drain_seconds": 5, **settings}
        self.queue = queue
        self.producer = StubProducer()
        self.stop = threading.Event()
        connect: Any = self.producer.connect
        producer = BridgeProducer(connect)
        self.bridge = kind(BridgeSettings(**given), producer, CODEC, self.stop, head_object=head_object)
        self.bridge.open()
        self.add(queue)

    def add(self, queue: StubQueue, visibility_timeout: int = 30) -> None:
        """Add a queue whose deletes are not delayed to fill a batch."""
        source = QueueSourceState(queue, visibility_timeout)  # type: ignore[arg-type]
        self.bridge.add(source)
        self.bridge._deleters[source].buffer.flush()

    @property
    def counts(self) -> BridgeCounts:
        return self.bridge.counts

    def close(self) -> BridgeCounts:
        self.bridge.close()
        return self.counts


def conserved(counts: BridgeCounts) -> bool:
    return counts.received == counts.parsed + counts.rejected + counts.ignored + counts.returned


def fatal_at_poll(bench: Bench) -> None:
    """Report a fatal error by the error callback."""
    bench.producer.call(bench.producer.given["error_cb"], FATAL)


def fatal_in_report(bench: Bench) -> None:
    """Report a fatal error by the delivery report of a record."""
    bench.queue.send(sns_messages.notification())
    bench.producer.acknowledge(0, FATAL)


@pytest.fixture
def queue() -> StubQueue:
    return StubQueue()


@pytest.fixture
def bench(queue: StubQueue) -> Iterator[Bench]:
    bench = Bench(queue)
    yield bench
    if not bench.stop.is_set():
        bench.close()


class EagerBridge(Bridge):
    """A bridge with a planted bug: it deletes messages before their records are acknowledged."""

    def _send(self, message: InFlightMessage, records: Any, outcome: Any) -> None:
        super()._send(message, records, outcome)
        self._in_flight.decide(message, outcome)


@pytest.mark.parametrize(("kind", "waits"), [(Bridge, True), (EagerBridge, False)])
def test_message_is_deleted_after_its_last_record_is_acknowledged(
    queue: StubQueue, kind: type[Bridge], waits: bool
) -> None:
    bench = Bench(queue, kind)
    queue.send(sns_messages.notification(sns_messages.record("a"), sns_messages.record("b"), sns_messages.record("c")))

    bench.producer.acknowledge(2)
    bench.producer.acknowledge(0)
    # An ignored message is deleted at once. A premature delete of the first message would precede it.
    queue.send('{"Event": "s3:TestEvent"}', '{"Event": "s3:TestEvent"}')
    assert eventually(lambda: bench.counts.ignored == 2 and len(queue.deleted) >= 2)
    assert (bench.counts.parsed == 0 and len(queue.deleted) == 2) is waits

    bench.producer.acknowledge(1)
    assert eventually(lambda: len(queue.deleted) == 3)
    assert asdict(bench.close()) == asdict(BridgeCounts(received=3, parsed=1, ignored=2, deleted=3, records=3))


def test_unacknowledged_record_returns_the_message(bench: Bench) -> None:
    bench.queue.send(sns_messages.notification(sns_messages.record("a"), sns_messages.record("b")))
    bench.producer.acknowledge(0)
    bench.producer.acknowledge(1, LOST)

    assert eventually(lambda: bench.counts.returned == 1)
    assert asdict(bench.close()) == asdict(BridgeCounts(received=1, returned=1))
    assert bench.queue.deleted == []


def test_record_rejected_by_the_producer_returns_the_message(bench: Bench) -> None:
    bench.producer.raises = [KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))]
    bench.queue.send(sns_messages.notification(sns_messages.record("a"), sns_messages.record("b")))
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.counts.returned == 1)
    assert bench.close().deleted == 0


def test_full_producer_queue_applies_backpressure(bench: Bench) -> None:
    bench.producer.raises = [BufferError(), BufferError()]
    bench.queue.send(sns_messages.notification())
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.counts.deleted == 1)
    assert len(bench.producer.sent) == 1


def test_fatal_produce_error_stops_the_bridge(bench: Bench) -> None:
    bench.producer.raises = [KafkaException(FATAL)]
    bench.queue.send(sns_messages.notification())

    assert eventually(bench.stop.is_set)
    with pytest.raises(BridgeError, match="fenced"):
        bench.close()
    assert conserved(bench.counts)
    assert bench.queue.deleted == []


@pytest.mark.parametrize("fail", [fatal_at_poll, fatal_in_report], ids=["error callback", "delivery report"])
def test_fatal_error_report_stops_the_bridge(bench: Bench, fail: Any) -> None:
    fail(bench)

    assert eventually(bench.stop.is_set)
    with pytest.raises(BridgeError, match="fenced"):
        bench.close()
    assert conserved(bench.counts)
    assert bench.queue.deleted == []


def test_upload_that_cannot_be_ordered_returns_its_message_and_no_other(queue: StubQueue) -> None:
    failures: list[Exception] = [ObjectHeadUnavailableError("503")]

    def head_object(bucket: str, key: str, version_id: str | None) -> ObjectHead | None:
        if failures:
            raise failures.pop()
        return ObjectHead("e1", datetime(2027, 1, 1, tzinfo=UTC))

    bench = Bench(queue, head_object=head_object)
    unordered = sns_messages.notification(sns_messages.record("a.jpg", sequencer=""))
    queue.send(unordered, sns_messages.notification(sns_messages.record("b.jpg")), unordered)
    for number in range(2):
        bench.producer.acknowledge(number)

    assert eventually(lambda: queue.deleted == ["m1", "m2"])
    assert asdict(bench.close()) == asdict(BridgeCounts(received=3, parsed=2, returned=1, deleted=2, records=2))
    _, last = (CODEC.decode(each[1]) for each in bench.producer.sent)
    assert isinstance(last, MediaUploaded)
    assert last.asset.sequencer == time_sequencer(datetime(2027, 1, 1, tzinfo=UTC))


def test_unparseable_message_is_deleted_after_its_dead_letter(bench: Bench) -> None:
    with capture_logs() as logs:
        bench.queue.send(UNPARSEABLE)
        assert eventually(lambda: bench.producer.topics == ["bridge.dlq"])
        assert bench.queue.deleted == []
        bench.producer.acknowledge(0)
        assert eventually(lambda: bench.queue.deleted == ["m0"])

    assert bench.producer.sent[0][1] == UNPARSEABLE.encode()
    assert bench.close().rejected == 1
    (line,) = [line for line in logs if line["event"] == "message_rejected"]
    assert (line["message"], line["code"], line["queue"]) == ("m0", "not_json", bench.queue.url)
    assert not any(UNPARSEABLE in str(line) for line in logs)


def test_leave_unreadable_returns_unparseable_messages(queue: StubQueue) -> None:
    bench = Bench(queue, leave_unreadable=True)
    queue.send(UNPARSEABLE)

    assert eventually(lambda: bench.counts.returned == 1)
    assert asdict(bench.close()) == asdict(BridgeCounts(received=1, returned=1))
    assert (queue.deleted, bench.producer.sent) == ([], [])


def test_valid_parts_are_sent_with_the_dead_letter(bench: Bench) -> None:
    bench.queue.send(sns_messages.notification(sns_messages.record("good"), sns_messages.record("bad", version="3.0")))
    bench.producer.acknowledge(1)
    assert not eventually_within(0.1, lambda: bool(bench.queue.deleted))
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.queue.deleted == ["m0"])
    assert bench.producer.topics == ["media.uploaded", "bridge.dlq"]
    assert asdict(bench.close()) == asdict(BridgeCounts(received=1, rejected=1, deleted=1, records=2))


def test_leave_unreadable_sends_valid_parts(queue: StubQueue) -> None:
    bench = Bench(queue, leave_unreadable=True)
    queue.send(sns_messages.notification(sns_messages.record("good"), sns_messages.record("bad", version="3.0")))
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.counts.returned == 1)
    assert bench.producer.topics == ["media.uploaded"]
    assert bench.close().deleted == 0


def test_notable_ignored_message_is_logged(bench: Bench) -> None:
    with capture_logs() as logs:
        bench.queue.send(
            '{"Event": "s3:TestEvent"}', sns_messages.sns("", Type="SubscriptionConfirmation", Token="hunter2")
        )
        assert eventually(lambda: len(bench.queue.deleted) == 2)

    (line,) = logs
    assert (line["event"], line["message"]) == ("message_ignored", "m1")
    assert sns_messages.TOPIC in line["reason"]
    assert "hunter2" not in str(line)


def test_in_flight_limit_holds(queue: StubQueue) -> None:
    for _ in range(5):
        queue.send(*[sns_messages.notification()] * 10)
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
    """Whether `holds` returns true within `seconds`."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    while not over.is_set():
        if holds():
            timer.cancel()
            return True
        over.wait(0.01)
    return False


def test_fifo_group_keeps_its_order_after_a_returned_message() -> None:
    queue = StubQueue("http://sqs/media.fifo")
    bench = Bench(queue)
    queue.send(*[sns_messages.notification(sns_messages.record(key)) for key in "abcd"], group="g")
    for number, error in enumerate((None, LOST, None, None)):
        bench.producer.acknowledge(number, error)

    assert eventually(lambda: queue.deleted == ["m0"])
    assert asdict(bench.close()) == asdict(BridgeCounts(received=4, parsed=1, returned=3, deleted=1, records=1))


@pytest.mark.parametrize(("name", "most"), [("media", 3), ("media.fifo", 1)])
def test_fifo_queue_has_one_receiver(name: str, most: int) -> None:
    queue = StubQueue(f"http://sqs/{name}")
    bench = Bench(queue, bridge_receivers=3)

    assert eventually(lambda: queue.receives > 20)
    bench.close()
    assert queue.most_at_once == most


def test_unavailable_queue_reserves_no_room(queue: StubQueue) -> None:
    away = StubQueue("http://sqs/away")
    away.errors["receive"] = [QueueUnavailableError("away")] * 1000
    bench = Bench(away, bridge_in_flight=10)
    assert eventually(lambda: len(away.errors["receive"]) < 1000)
    bench.add(queue)
    queue.send(*[sns_messages.notification()] * 10)

    assert eventually(lambda: len(bench.producer.sent) == 10)
    for number in range(10):
        bench.producer.acknowledge(number)
    assert eventually(lambda: len(queue.deleted) == 10)
    bench.close()


def test_close_drains_messages_in_flight(bench: Bench) -> None:
    bench.queue.send(sns_messages.notification())
    assert eventually(lambda: len(bench.producer.sent) == 1)
    closing = threading.Thread(target=bench.close)
    closing.start()
    assert eventually(bench.stop.is_set)
    bench.producer.acknowledge(0)
    closing.join(25)

    assert not closing.is_alive()
    assert asdict(bench.counts) == asdict(BridgeCounts(received=1, parsed=1, deleted=1, records=1))


def test_close_is_bounded_and_ignores_later_reports(queue: StubQueue) -> None:
    bench = Bench(queue, bridge_drain_seconds=0.1)
    queue.send(sns_messages.notification())
    assert eventually(lambda: len(bench.producer.sent) == 1)

    counts = asdict(bench.close())
    bench.producer.acknowledge(0)
    bench.producer.poll(1)

    assert counts == asdict(bench.counts) == asdict(BridgeCounts(received=1, returned=1))
    assert queue.deleted == []


class SlowQueue(StubQueue):
    """A queue whose long poll ends when `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.polled, self.go_on = threading.Event(), threading.Event()

    def receive(self) -> Any:
        self.polled.set()
        self.go_on.wait(25)
        return super().receive()


def test_close_makes_messages_of_a_pending_long_poll_visible() -> None:
    queue = SlowQueue()
    bench = Bench(queue)
    assert queue.polled.wait(25)
    closing = threading.Thread(target=bench.close)
    closing.start()
    assert eventually(bench.stop.is_set)
    queue.send(sns_messages.notification())
    queue.go_on.set()
    closing.join(25)

    assert not closing.is_alive()
    assert queue.extended == [("m0", 0)]
    assert bench.counts.received == 0


def test_close_does_not_wait_for_a_hanging_long_poll() -> None:
    queue = SlowQueue()
    bench = Bench(queue, bridge_drain_seconds=0.1)
    assert queue.polled.wait(25)

    bench.close()

    assert not queue.go_on.is_set()
    queue.go_on.set()


def test_close_does_not_wait_for_a_full_producer(queue: StubQueue) -> None:
    bench = Bench(queue, bridge_drain_seconds=0.2)
    bench.producer.raises = [BufferError()] * 10_000
    queue.send(sns_messages.notification())
    assert eventually(lambda: len(bench.producer.raises) < 10_000)

    assert asdict(bench.close()) == asdict(BridgeCounts(received=1, returned=1))


def test_queue_outage_is_logged_once_and_retried(queue: StubQueue) -> None:
    queue.errors["receive"] = [QueueUnavailableError("does not exist")] * 2
    queue.send(sns_messages.notification())
    with capture_logs() as logs:
        bench = Bench(queue)
        bench.producer.acknowledge(0)
        assert eventually(lambda: queue.deleted == ["m0"])
        bench.close()

    assert [line["event"] for line in logs] == ["dependency_unavailable", "dependency_recovered"]
    assert logs[0]["reason"] == "does not exist"


def test_failing_deletes_are_logged_once(bench: Bench) -> None:
    bench.queue.errors["delete"] = [QueueUnavailableError("AccessDenied")] * 2
    with capture_logs() as logs:
        bench.queue.send(sns_messages.notification())
        bench.producer.acknowledge(0)
        assert eventually(lambda: bench.queue.deleted == ["m0"])

    assert [line["event"] for line in logs] == ["dependency_unavailable", "dependency_recovered"]
    assert logs[0]["reason"] == "delete failed: AccessDenied"


def test_long_held_message_stays_invisible(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visibility, "CHECK_SECONDS", 0.01)
    queue = StubQueue("http://sqs/short-timeout")
    bench.add(queue, visibility_timeout=2)
    queue.send(sns_messages.notification(), '{"Event": "s3:TestEvent"}')

    assert eventually(lambda: queue.extended == [("m0", 2)])
    bench.producer.acknowledge(0)
    assert eventually(lambda: len(queue.deleted) == 2)


def test_failed_delete_is_retried(bench: Bench) -> None:
    bench.queue.errors["delete"] = [QueueUnavailableError("throttled")]
    bench.queue.send(sns_messages.notification())
    bench.producer.acknowledge(0)

    assert eventually(lambda: bench.queue.deleted == ["m0"])
    assert bench.close().deleted == 1


def test_only_failed_entries_of_a_delete_batch_are_retried(bench: Bench) -> None:
    bench.queue.send(*[sns_messages.notification(sns_messages.record(key)) for key in "abcdefghij"])
    assert eventually(lambda: len(bench.producer.sent) == 10)
    (held,) = [message for message in bench.bridge._in_flight.snapshot() if message.sqs.id == "m3"]
    bench.queue.rejects = [BatchEntryError(held.sqs, "InternalError: ", expired=False)]
    for number in range(10):
        bench.producer.acknowledge(number)

    assert eventually(lambda: len(bench.queue.deleted) == 10)
    assert sum(bench.queue.batches) == 11
    assert bench.queue.deleted[-1] == "m3"


def test_expired_receipt_handle_is_not_retried(bench: Bench) -> None:
    bench.queue.send(sns_messages.notification())
    assert eventually(lambda: len(bench.producer.sent) == 1)
    (held,) = bench.bridge._in_flight.snapshot()
    bench.queue.rejects = [BatchEntryError(held.sqs, "ReceiptHandleIsInvalid: ", expired=True)]
    with capture_logs() as logs:
        bench.producer.acknowledge(0)
        assert eventually(lambda: not bench.bridge._in_flight.snapshot())

    assert [line["event"] for line in logs] == ["delete_failed"]
    assert asdict(bench.close()) == asdict(BridgeCounts(received=1, parsed=1, records=1))


def test_failed_thread_stops_the_bridge(bench: Bench) -> None:
    bench.queue.errors["receive"] = [ZeroDivisionError("a bug")]

    assert eventually(bench.stop.is_set)
    with pytest.raises(BridgeError, match="a bug"):
        bench.close()


def test_kafka_outage_and_recovery_are_logged_once(bench: Bench) -> None:
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    with capture_logs() as logs:
        for _ in range(3):
            bench.producer.given["error_cb"](down)
        bench.queue.send(sns_messages.notification())
        bench.producer.acknowledge(0)
        assert eventually(lambda: bench.counts.parsed == 1)

    assert [line["event"] for line in logs] == ["dependency_unavailable", "dependency_recovered"]


KINDS = (
    sns_messages.notification(),
    sns_messages.notification(sns_messages.record("a"), sns_messages.record("b")),
    sns_messages.notification(sns_messages.record("a"), sns_messages.record("b", version="3.0")),
    UNPARSEABLE,
    '{"Event": "s3:TestEvent"}',
)


@pytest.mark.parametrize("name", ["media", "media.fifo"])
@pytest.mark.parametrize("seed", range(12))
def test_random_failures_conserve_messages(name: str, seed: int) -> None:
    draw = random.Random(seed)
    queue = StubQueue(f"http://sqs/{name}")
    bodies = draw.choices(KINDS, k=10)
    bench = Bench(queue, bridge_drain_seconds=0.2, leave_unreadable=draw.choice([True, False]))
    queue.send(*bodies, group="g" if queue.is_fifo else "")
    assert eventually(lambda: queue.receives > 1 and bench.counts.received == len(bodies))
    for number in draw.sample(range(len(bench.producer.sent)), len(bench.producer.sent)):
        if draw.random() < 0.95:
            bench.producer.acknowledge(number, draw.choice([None, None, None, LOST]))

    counts = bench.close()
    assert counts.received == len(bodies)
    assert conserved(counts)
    assert counts.deleted == len(queue.deleted) == len(set(queue.deleted)) == counts.received - counts.returned
