"""Sends records for the webhook, and returns when the broker has them on every in-sync replica."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord

SECONDS = 7.0
"""How long the broker has. SNS hangs up after 15 s, of which a new certificate may take 6."""
POLL_SECONDS = 0.1


class WebhookSendError(Exception):
    """The broker has not taken a record; the text says why."""


class WebhookProducer:
    """Sends from an event loop. A thread polls the producer, whose callbacks report to the loop."""

    def __init__(self, producer: Producer, seconds: float = SECONDS) -> None:
        self._producer = producer
        self._seconds = seconds
        self._closing = threading.Event()
        self._polling = threading.Thread(target=self._poll, name="acknowledgements", daemon=True)
        self._polling.start()

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        """Send all messages; they are durable when this returns. Raises `NotSent` when one is not, or not yet."""
        reports = [self._produce(message) for message in messages]
        try:
            # librdkafka's own limit is no deadline: while it looks for a lost broker, it reports late.
            async with asyncio.timeout(self._seconds):
                errors = await asyncio.gather(*reports)
        except TimeoutError:
            raise WebhookSendError(f"no acknowledgement in {self._seconds:g} s") from None
        for error in errors:
            if error is not None:
                raise WebhookSendError(error.str())

    def close(self, seconds: float) -> int:
        """Wait for what is under way, and give the number of records that were not delivered."""
        self._closing.set()
        self._polling.join()
        left: int = self._producer.flush(seconds)
        return left

    def _produce(self, message: ProducerRecord) -> asyncio.Future[KafkaError | None]:
        loop = asyncio.get_running_loop()
        report: asyncio.Future[KafkaError | None] = loop.create_future()

        def delivered(error: KafkaError | None, _: object) -> None:
            loop.call_soon_threadsafe(_settle, report, error)

        try:
            self._producer.produce(
                message.topic, message.value, message.key, headers=list(message.headers), on_delivery=delivered
            )
        except BufferError:
            raise WebhookSendError("the producer holds as much as it may") from None
        except KafkaException as error:
            raise WebhookSendError(error.args[0].str()) from error
        return report

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)


def producer(cluster: KafkaSettings) -> Producer:
    """Make a producer that does not hold a record for much longer than anybody waits for it."""
    return clients.producer(cluster, **{"message.timeout.ms": round(SECONDS * 1000)})


def _settle(report: asyncio.Future[KafkaError | None], error: KafkaError | None) -> None:
    if not report.done():  # whoever waited may have gone
        report.set_result(error)
