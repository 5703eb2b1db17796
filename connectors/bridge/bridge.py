"""The bridge: receive, translate, produce, and delete a message once every record of it is acknowledged.

Deleting only after the acknowledgement makes the queue the outbox: whatever dies in between, SQS hands the message
out again, and its records have the same ids. Source: Enterprise Integration Patterns, "Guaranteed Delivery".
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
from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.connectors.bridge.deleter import MessageDeleter
from headrace.connectors.bridge.in_flight import (
    DeliveryReport,
    InFlightMessage,
    InFlightMessages,
    MessageOutcome,
    QueueSourceState,
)
from headrace.connectors.bridge.queue import BATCH, QueueUnavailableError, SqsMessage
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.bridge.visibility import extend_visibility_loop
from headrace.connectors.events.dead_letters import rejected_message
from headrace.connectors.events.decoding import EPOCH
from headrace.connectors.events.encoder import encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde.codec import Codec

PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
POLL_SECONDS = 0.05

log = structlog.get_logger("headrace")


class BridgeError(RuntimeError):
    """The bridge cannot go on; started again it carries on where it was, because what it held comes back."""


class Bridge:
    """Carries messages from queues to Kafka until it is closed."""

    def __init__(
        self, settings: BridgeSettings, connect: Callable[..., Producer], book: Codec, stopping: threading.Event
    ) -> None:
        """`connect` makes a producer, with librdkafka's settings to add. `stopping` is set when work cannot go on."""
        self._settings = settings
        self._stopping = stopping
        self._codec = book
        self._airspace = InFlightMessages(settings.bridge_in_flight, self._on_acknowledged)
        self._deletes: dict[QueueSourceState, MessageDeleter] = {}
        self._queues: dict[QueueSourceState, OutageLog] = {}
        self._kafka = OutageLog()
        self._reports: deque[DeliveryReport] = deque()
        self._receivers: list[threading.Thread] = []
        self._over = threading.Event()
        self._failed: Exception | None = None
        self._producer = connect(error_cb=self._handle_reports)
        self.counts = self._airspace.counts

    def open(self) -> None:
        """Begin to work; there are no queues yet."""
        self.thread("poll", self._poll)
        self.thread("hide", partial(extend_visibility_loop, self._airspace, self._over))

    def add(self, source: QueueSourceState) -> None:
        """Receive from this queue as well, from now on."""
        self._queues[source] = OutageLog(queue=source.queue.url)
        self._deletes[source] = MessageDeleter(source, self._airspace.remove)
        for number in range(1 if source.queue.is_fifo else self._settings.bridge_receivers):
            self.thread(f"delete-{number}", self._deletes[source].work)
            self._receivers.append(self.thread(f"receive-{number}", partial(self._receive, source)))

    def thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Do something beside. Should it fail, it ends the bridge."""
        thread = threading.Thread(target=self._supervised, args=(work,), name=name, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Receive nothing more, wait for acknowledgements and deletes within bounds, and leave the rest to SQS.

        Raises `BridgeFailed` when something had ended the work before.
        """
        deadline = time.monotonic() + (0 if self._failed else self._settings.bridge_drain_seconds)
        self._stopping.set()
        self._airspace.close()
        for deletes in list(self._deletes.values()):
            deletes.waiting.flush()
        self._airspace.empty(deadline - time.monotonic())
        for receiver in self._receivers:
            # What SQS hands to a poll that nobody waits for stays hidden from everybody else.
            receiver.join(max(0.0, deadline - time.monotonic()))
        for deletes in list(self._deletes.values()):
            deletes.close()
        self._over.set()
        if self._failed is not None:
            raise BridgeError(f"the bridge cannot go on: {self._failed}") from self._failed

    def process(self, flight: InFlightMessage) -> None:
        """Carry one message over; its deletion follows when Kafka has it."""
        now = datetime.now(UTC)
        found = encode_message(flight.delivery.body, now, self._codec)
        if isinstance(found, Rejected):
            self._reject(flight, found, now)
        elif isinstance(found, Ignored):
            if found.notable:
                log.warning("ignored", queue=flight.source.queue.url, message=flight.delivery.id, why=found.reason)
            self._airspace.end(flight, "ignored")
        else:
            self._send(flight, found, "parsed")

    def _reject(self, flight: InFlightMessage, refused: Rejected, now: datetime) -> None:
        """Send what can be read of it, and the whole of it as a dead letter, unless that is left to the queue."""
        url = flight.source.queue.url
        log.warning("refused", queue=url, message=flight.delivery.id, code=refused.code, why=refused.reason)
        messages = encode_valid_parts(refused, self._codec)
        if not self._settings.leave_unreadable:
            self._send(flight, (*messages, _dead_letter(flight.delivery, url, refused, now)), "rejected")
        elif messages:
            self._send(flight, messages, "returned")
        else:
            self._airspace.end(flight, "returned")

    def _send(self, flight: InFlightMessage, messages: Sequence[ProducerRecord], ending: MessageOutcome) -> None:
        def delivered(error: KafkaError | None, _: object) -> None:
            if error is None:
                self._kafka.recovered()
            else:
                self._kafka.down(f"Kafka did not take a record: {error.str()}")
            self._reports.append(DeliveryReport(flight, ending, error is None))
            _raise_fatal(error)

        self._airspace.await_records(flight, len(messages))
        for each in messages:
            self._produce(each, delivered)

    def _produce(self, sent: ProducerRecord, delivered: Callable[[KafkaError | None, object], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    sent.topic, sent.value, sent.key, headers=list(sent.headers), on_delivery=delivered
                )
                return
            except BufferError:  # the producer holds as much as it may: wait until it has delivered some
                if self._over.wait(POLL_SECONDS):
                    return
            except KafkaException as error:
                delivered(error.args[0], None)
                return

    def _on_acknowledged(self, flights: Sequence[InFlightMessage]) -> None:
        for source, those in groupby(flights, attrgetter("source")):
            self._deletes[source].waiting.put(those)

    def _receive(self, source: QueueSourceState) -> None:
        pause = PAUSE_SECONDS
        while self._airspace.reserve(BATCH):
            try:
                received = source.queue.receive()
            except QueueUnavailableError as error:
                self._airspace.add(source, (), BATCH, time.monotonic())
                self._queues[source].down(str(error))
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            self._queues[source].recovered()
            pause = PAUSE_SECONDS
            flights = self._airspace.add(source, received, BATCH, time.monotonic())
            for flight in flights:
                self.process(flight)
            if received and not flights:
                self._give_back(source, received)

    def _give_back(self, source: QueueSourceState, received: Sequence[SqsMessage]) -> None:
        """Let others have at once what a long poll brought after the end."""
        try:
            source.queue.change_visibility(received, 0)
        except QueueUnavailableError as error:
            self._queues[source].down(str(error))

    def _poll(self) -> None:
        """Let the producer call back. Ends with the bridge, after the last acknowledgement."""
        while not self._over.is_set():
            try:
                self._producer.poll(POLL_SECONDS)
            finally:  # also when one of the reports was fatal: the others count
                self._airspace.acknowledged([self._reports.popleft() for _ in range(len(self._reports))])

    def _handle_reports(self, error: KafkaError) -> None:
        """Take note of what the producer says of the cluster; what it holds is sent as soon as that is over."""
        _raise_fatal(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._kafka.down("Kafka does not answer")

    def _supervised(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # unseen, it would leave a bridge that looks well and carries less
            self._failed = self._failed or error
            self._stopping.set()


def _raise_fatal(error: KafkaError | None) -> None:
    """Raise what the producer cannot get over: from then on it takes nothing more."""
    if error is not None and error.fatal():
        raise KafkaException(error)


def _dead_letter(delivery: SqsMessage, queue_url: str, refused: Rejected, now: datetime) -> ProducerRecord:
    """Build the dead letter of an SQS message. Its first failure is when SQS first delivered it."""
    first = delivery.first_received_ms
    failed_at = (EPOCH + timedelta(milliseconds=first) if first else now, now)
    # A JSON escape can put half of a surrogate pair into the body, which is kept as it is.
    body = delivery.body.encode(errors="surrogatepass")
    origin = {"dlq-queue": queue_url, "dlq-sqs-message": delivery.id}
    return rejected_message(delivery.id, body, refused, failed_at, origin)
