"""The spans of records that the bridge publishes, which end with the acknowledgement of Kafka."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.connectors.bridge.in_flight import InFlightMessage
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.tracing.publish import publish_span
from headrace.schemas.tracing.tracer import Tracer

Delivered = Callable[[Any, object], None]
"""Takes the error of a delivery, or None, and the message."""


def traced_delivery(
    tracer: Tracer, message: InFlightMessage, record: ProducerRecord, delivered: Delivered
) -> Delivered:
    """Return a callback that ends the span of a record; without tracing it is the same callback."""
    span = publish_span(tracer, "bridge", record)
    if span is None:
        return delivered
    span.attributes["headrace.queue"] = message.source.queue.url
    span.attributes["headrace.message"] = message.sqs.id

    def ended(error: Any, sent: object) -> None:
        if error is not None:
            span.error = span.attributes["error.type"] = error.name()
        tracer.end(span)
        delivered(error, sent)

    return ended
