"""The first span of a trace: the bridge publishes a record. Its ids are those in the record's `traceparent`.

A message that SQS delivers twice has the same ids twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from headrace.connectors.bridge.in_flight import InFlightMessage
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.spans import Span, header_span
from headrace.schemas.tracing.tracer import Tracer

Delivered = Callable[[Any, object], None]
"""Takes the error of a delivery, or None, and the message."""


def traced_delivery(
    tracer: Tracer, message: InFlightMessage, record: ProducerRecord, delivered: Delivered
) -> Delivered:
    """Return a callback that ends the span of a record; without tracing it is the same callback."""
    context = header_span(record.headers) if tracer.is_enabled else None
    if context is None or not tracer.samples(context):
        return delivered
    span = Span("bridge publish", "producer", context, None, tracer, time.time_ns())
    span.attributes |= {
        "headrace.key": (record.key or b"").decode(errors="replace"),
        "headrace.topic": record.topic,
        "headrace.queue": message.source.queue.url,
        "headrace.message": message.sqs.id,
    }

    def ended(error: Any, sent: object) -> None:
        if error is not None:
            span.error = span.attributes["error.type"] = error.name()
        tracer.end(span)
        delivered(error, sent)

    return ended
