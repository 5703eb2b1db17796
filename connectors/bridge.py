"""The bridge: receive, translate, produce, and delete a message once every record of it is acknowledged.

Deleting only after the acknowledgement makes the queue the outbox: whatever dies in between, SQS hands the message
out again, and its records have the same ids. Source: Enterprise Integration Patterns, "Guaranteed Delivery".
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.aws import Delivery, QueueUnavailable
from connectors.aws_events import translate
from connectors.dead_letters import dead_letter
from connectors.deletes import Deletes
from connectors.flight import Airspace, Flight, Source
from connectors.settings import BridgeSettings
from connectors.translation import Ignored, Refused, Translated
from schemas import codec
from schemas.message import Message, message

PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
POLL_SECONDS = 0.05

log = structlog.get_logger("headrace")


class Bridge:
    """Carries messages from queues to Kafka until it is closed."""

    def __init__(self, settings: BridgeSettings, producer: Producer, book: codec.Codec) -> None:
        self._settings = settings
        self._producer = producer
        self._codec = book
        self._airspace = Airspace(settings.bridge_in_flight)
        self._deletes = Deletes(self._deleted)
        self._stopping = threading.Event()
        self.counts = self._airspace.counts

    def open(self, sources: list[Source]) -> None:
        """Begin to receive."""
        self._thread("poll", self._poll)
        self._thread("hide", self._keep_hidden)
        for source in sources:
            receivers = 1 if source.queue.is_fifo else self._settings.bridge_receivers
            for number in range(receivers):
                self._thread(f"receive-{number}", self._receive, source)

    def close(self) -> None:
        """Receive nothing more, wait for acknowledgements and deletes within bounds, and leave the rest to SQS."""
        left = self._airspace.close(self._settings.bridge_drain_seconds)
        self._stopping.set()
        self._deletes.close(self._settings.bridge_drain_seconds)
        with self._airspace.counting() as counts:
            counts.left += left

    def take(self, source: Source, delivery: Delivery) -> None:
        """Carry one message over; its deletion follows when Kafka has it."""
        flight = Flight(source, delivery, time.monotonic())
        self._airspace.enter(flight)
        now = datetime.now(UTC)
        found = translate(delivery.body, now)
        if isinstance(found, Translated):
            self._send(flight, [message(event, envelope, self._codec) for event, envelope in found.facts], "translated")
        elif isinstance(found, Ignored):
            with self._airspace.counting() as counts:
                counts.ignored += 1
            self._deletes.put(flight)
        else:
            self._refuse(flight, found, now)

    def _refuse(self, flight: Flight, refused: Refused, now: datetime) -> None:
        log.warning("refused", message=flight.delivery.id, code=refused.code, why=refused.why)
        if self._settings.leave_unreadable:
            self._leave(flight)
        else:
            self._send(flight, [dead_letter(flight, refused, now)], "refused")

    def _send(self, flight: Flight, messages: list[Message], counted: str) -> None:
        def landed(good: bool) -> None:
            if not good:
                self._leave(flight)
                return
            with self._airspace.counting() as counts:
                setattr(counts, counted, getattr(counts, counted) + 1)
                counts.records += len(messages)
            self._deletes.put(flight)

        flight.begin(len(messages), landed)
        for each in messages:
            self._produce(each, flight)

    def _produce(self, sent: Message, flight: Flight) -> None:
        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                log.warning("not sent", topic=sent.topic, message=flight.delivery.id, why=error.str())
            flight.acknowledged(error is None)

        while True:
            try:
                self._producer.produce(
                    sent.topic, sent.value, sent.key, headers=list(sent.headers), on_delivery=delivered
                )
            except BufferError:  # the producer holds as much as it may: wait until it has delivered some
                time.sleep(POLL_SECONDS)
            except KafkaException as error:
                delivered(error.args[0], None)
                return
            else:
                return

    def _leave(self, flight: Flight) -> None:
        """Let SQS hand the message out again."""
        with self._airspace.counting() as counts:
            counts.left += 1
        self._airspace.leave(flight)

    def _deleted(self, flight: Flight, gone: bool) -> None:
        with self._airspace.counting() as counts:
            counts.deleted += gone
        self._airspace.leave(flight)

    def _receive(self, source: Source) -> None:
        pause = PAUSE_SECONDS
        while self._airspace.wait_for_room():
            try:
                deliveries = source.queue.receive()
            except QueueUnavailable as error:
                if pause == PAUSE_SECONDS:
                    log.warning("queue unavailable", queue=source.queue.url, why=str(error))
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            if pause != PAUSE_SECONDS:
                log.info("queue back", queue=source.queue.url)
                pause = PAUSE_SECONDS
            for delivery in deliveries:
                self.take(source, delivery)

    def _poll(self) -> None:
        """Let the producer call back. Ends with the bridge, after the last acknowledgement."""
        while not self._stopping.is_set():
            self._producer.poll(POLL_SECONDS)

    def _keep_hidden(self) -> None:
        """Keep messages hidden that are held longer than half of their time; most never are."""
        while not self._stopping.wait(1.0):
            now = time.monotonic()
            for flight in self._airspace.snapshot():
                if flight.hidden_until - now < flight.source.hidden_seconds / 2:
                    self._hide(flight)

    def _hide(self, flight: Flight) -> None:
        source = flight.source
        try:
            rejected = source.queue.hide([flight.delivery], source.hidden_seconds)
        except QueueUnavailable as error:
            log.warning("not kept hidden", message=flight.delivery.id, why=str(error))
            return
        for each in rejected:
            log.warning("not kept hidden", message=flight.delivery.id, why=each.why)
        flight.hidden_until = time.monotonic() + source.hidden_seconds

    def _thread(self, name: str, target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, name=name, daemon=True).start()  # type: ignore[arg-type]
