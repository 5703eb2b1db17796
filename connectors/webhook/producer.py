"""Send the webhook's records, with a deadline shorter than the time SNS waits for a response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.reconnecting import ReconnectingProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.schemas.tracing.publish import publish_span
from headrace.schemas.tracing.tracer import Tracer

SECONDS = 7.0
"""Deadline for the acknowledgement. SNS closes the connection after 15 s, of which a new certificate may take 6 s."""


Send = Callable[[Sequence[ProducerRecord]], Awaitable[None]]
"""Sends records and returns once they are durable."""


class WebhookSendError(Exception):
    """Kafka did not acknowledge a record; the text gives the reason."""


class WebhookProducer:
    """An `AsyncProducer` that fails after `seconds`, and at once while librdkafka's queue is full."""

    def __init__(self, producer: ReconnectingProducer, seconds: float = SECONDS) -> None:
        self._producer = AsyncProducer(producer, wait_when_full=False)
        self._seconds = seconds

    async def send(self, records: Sequence[ProducerRecord]) -> None:
        """Send records and return once they are durable. Raises `WebhookSendError`."""
        try:
            # librdkafka's own timeout is no deadline: while it looks for a lost broker, it reports late.
            async with asyncio.timeout(self._seconds):
                await self._producer.send(records)
        except TimeoutError:
            raise WebhookSendError(f"no acknowledgement in {self._seconds:g} s") from None
        except SendError as error:
            raise WebhookSendError(error.reason) from error

    def close(self, seconds: float) -> int:
        """Wait up to `seconds` for acknowledgements; return the number of records without one. Blocks."""
        return self._producer.close(seconds)


def traced(send: Send, tracer: Tracer) -> Send:
    """Return a function that sends records in spans; without tracing it is the same function."""
    if not tracer.is_enabled:
        return send

    async def send_in_spans(records: Sequence[ProducerRecord]) -> None:
        spans = [span for record in records if (span := publish_span(tracer, "webhook", record))]
        try:
            await send(records)
        except BaseException as error:
            for span in spans:
                span.error = span.attributes["error.type"] = type(error).__name__
            raise
        finally:
            for span in spans:
                tracer.end(span)

    return send_in_spans


def producer(cluster: KafkaSettings) -> ReconnectingProducer:
    """Create a producer that drops a record once the deadline for it has passed."""
    return clients.producer(cluster, **{"message.timeout.ms": round(SECONDS * 1000)})
