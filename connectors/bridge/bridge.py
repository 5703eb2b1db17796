"""Receive SQS messages, produce their records, and delete each message once Kafka has acknowledged every record.

The queue is the outbox: if a process dies before the delete, SQS delivers the message again, and its records have the
same ids. Source: Enterprise Integration Patterns, "Guaranteed Delivery".
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter

import structlog
from confluent_kafka import KafkaError, KafkaException

from headrace.connectors.aws.object_head import HeadObject, ObjectHeadUnavailableError, no_head
from headrace.connectors.bridge.deleter import MessageDeleter
from headrace.connectors.bridge.in_flight import (
    DeliveryReport,
    InFlightMessage,
    InFlightMessages,
    QueueSourceState,
)
from headrace.connectors.bridge.message_states import MessageOutcome
from headrace.connectors.bridge.metrics import BridgeCollector
from headrace.connectors.bridge.producer import BridgeProducer
from headrace.connectors.bridge.publish_spans import Delivered, traced_delivery
from headrace.connectors.bridge.queue import BATCH, QueueUnavailableError, SqsMessage
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.bridge.visibility import extend_visibility_loop
from headrace.connectors.events.dead_letters import rejected_message
from headrace.connectors.events.decoding import EPOCH
from headrace.connectors.events.encoder import encode_events, encode_valid_parts
from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Ignored, Rejected
from headrace.connectors.events.version_order import order_versions
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde.codec import Codec
from headrace.schemas.tracing.tracer import NoTracing, Tracer

PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
POLL_SECONDS = 0.05

log = structlog.get_logger("headrace")


class BridgeError(RuntimeError):
    """The bridge stopped on an error. After a restart SQS delivers the messages in flight again."""


class Bridge:
    """Moves messages from SQS queues to Kafka until closed."""

    def __init__(
        self,
        settings: BridgeSettings,
        producer: BridgeProducer,
        codec: Codec,
        stopping: threading.Event,
        tracer: Tracer | None = None,
        head_object: HeadObject = no_head,
    ) -> None:
        """An error sets `stopping`. `head_object` is called for uploads without a sequencer."""
        self._settings = settings
        self._stopping = stopping
        self._codec = codec
        self._head_object = head_object
        self._tracer = tracer or NoTracing()
        self._in_flight = InFlightMessages(settings.bridge_in_flight, self._on_acknowledged)
        self._deleters: dict[QueueSourceState, MessageDeleter] = {}
        self._queue_outages: dict[QueueSourceState, OutageLog] = {}
        self._reports: deque[DeliveryReport] = deque()
        self._receivers: list[threading.Thread] = []
        self._closed = threading.Event()
        self._failure: Exception | None = None
        self._producer = producer
        self.counts = self._in_flight.counts
        self.metrics = BridgeCollector(self._in_flight)

    def open(self) -> None:
        """Start the background threads."""
        self.thread("poll", self._poll)
        self.thread("visibility", partial(extend_visibility_loop, self._in_flight, self._closed))

    def add(self, source: QueueSourceState) -> None:
        """Start to receive from a queue."""
        self._queue_outages[source] = OutageLog(queue=source.queue.url)
        self._deleters[source] = MessageDeleter(source, self._in_flight.remove)
        for number in range(1 if source.queue.is_fifo else self._settings.bridge_receivers):
            self.thread(f"delete-{number}", self._deleters[source].work)
            self._receivers.append(self.thread(f"receive-{number}", partial(self._receive, source)))

    def thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Run `work` in a daemon thread. An exception stops the bridge."""
        thread = threading.Thread(target=self._supervised, args=(work,), name=name, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Stop receiving and drain for at most `bridge_drain_seconds`. SQS delivers undecided messages again.

        Raises:
            BridgeError: An error had stopped the bridge.
        """
        deadline = time.monotonic() + (0 if self._failure else self._settings.bridge_drain_seconds)
        self._stopping.set()
        self._in_flight.close()
        for deleter in list(self._deleters.values()):
            deleter.buffer.flush()
        self._in_flight.drain(deadline - time.monotonic())
        for receiver in self._receivers:
            # SQS hides the messages of a long poll even if the client is gone.
            receiver.join(max(0.0, deadline - time.monotonic()))
        for deleter in list(self._deleters.values()):
            deleter.close()
        self._closed.set()
        if self._failure is not None:
            raise BridgeError(f"the bridge stopped: {self._failure}") from self._failure

    def process(self, message: InFlightMessage) -> None:
        """Produce the records of one message. Delivery reports decide what happens to it."""
        now = datetime.now(UTC)
        try:
            parsed = order_versions(parse_message(message.sqs.body, now), self._head_object)
        except ObjectHeadUnavailableError:  # SQS delivers the message again
            self._in_flight.decide(message, MessageOutcome.RETURNED)
            return
        result = encode_events(parsed, self._codec)
        if isinstance(result, Rejected):
            self._reject(message, result, now)
        elif isinstance(result, Ignored):
            if result.notable:
                queue = message.source.queue.url
                log.warning("message_ignored", queue=queue, message=message.sqs.id, reason=result.reason)
            self._in_flight.decide(message, MessageOutcome.IGNORED)
        else:
            self._send(message, result, MessageOutcome.PARSED)

    def _reject(self, message: InFlightMessage, rejected: Rejected, now: datetime) -> None:
        """Send the records of the valid parts, and a dead letter unless `leave_unreadable` is set."""
        url = message.source.queue.url
        log.warning("message_rejected", queue=url, message=message.sqs.id, code=rejected.code, reason=rejected.reason)
        records = encode_valid_parts(rejected, self._codec)
        if not self._settings.leave_unreadable:
            dead_letter = _dead_letter(message.sqs, url, rejected, now)
            self._send(message, (*records, dead_letter), MessageOutcome.REJECTED)
        elif records:
            self._send(message, records, MessageOutcome.RETURNED)
        else:
            self._in_flight.decide(message, MessageOutcome.RETURNED)

    def _send(self, message: InFlightMessage, records: Sequence[ProducerRecord], outcome: MessageOutcome) -> None:
        def delivered(error: KafkaError | None, _: object) -> None:
            self._reports.append(DeliveryReport(message, outcome, error is None))
            self._producer.acknowledged(error)

        message.expect_records(len(records))
        for record in records:
            self._produce(record, traced_delivery(self._tracer, message, record, delivered))

    def _produce(self, sent: ProducerRecord, delivered: Delivered) -> None:
        try:
            while not self._producer.enqueue(sent, delivered):
                if self._closed.wait(POLL_SECONDS):
                    return
        except KafkaException as error:
            delivered(error.args[0], None)

    def _on_acknowledged(self, messages: Sequence[InFlightMessage]) -> None:
        for source, group in groupby(messages, attrgetter("source")):
            self._deleters[source].buffer.put(group)

    def _receive(self, source: QueueSourceState) -> None:
        pause = PAUSE_SECONDS
        while self._in_flight.reserve(BATCH):
            try:
                received = source.queue.receive()
            except QueueUnavailableError as error:
                self._in_flight.add(source, (), BATCH, time.monotonic())
                self._queue_outages[source].down(str(error))
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            self._queue_outages[source].recovered()
            pause = PAUSE_SECONDS
            messages = self._in_flight.add(source, received, BATCH, time.monotonic())
            for message in messages:
                self.process(message)
            if received and not messages:
                self._release(source, received)

    def _release(self, source: QueueSourceState, received: Sequence[SqsMessage]) -> None:
        """Make messages visible again that a long poll returned after the close."""
        try:
            source.queue.change_visibility(received, 0)
        except QueueUnavailableError as error:
            self._queue_outages[source].down(str(error))

    def _poll(self) -> None:
        """Serve the producer's callbacks until the bridge is closed, after the last delivery report."""
        while not self._closed.is_set():
            try:
                self._producer.poll(POLL_SECONDS)
            finally:  # after a fatal report as well: the other reports count
                self._in_flight.handle_reports([self._reports.popleft() for _ in range(len(self._reports))])

    def _supervised(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a bridge with a dead thread would look healthy and move fewer messages
            self._failure = self._failure or error
            self._stopping.set()


def _dead_letter(message: SqsMessage, queue_url: str, rejected: Rejected, now: datetime) -> ProducerRecord:
    """Build the dead letter of an SQS message. Its first failure is when SQS first delivered it."""
    first = message.first_received_ms
    failed_at = (EPOCH + timedelta(milliseconds=first) if first else now, now)
    # A JSON escape can put half of a surrogate pair into the body, which is kept unchanged.
    body = message.body.encode(errors="surrogatepass")
    origin = {"dlq-queue": queue_url, "dlq-sqs-message": message.id}
    return rejected_message(message.id, body, rejected, failed_at, origin)
