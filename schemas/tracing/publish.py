"""The first span of a trace: a process publishes the record of an event.

Its ids are those of the record's `traceparent`. An event that arrives twice has the same ids twice.
"""

from __future__ import annotations

import time

from headrace.schemas.messages import ProducerRecord
from headrace.schemas.spans import Span, header_span
from headrace.schemas.tracing.tracer import Tracer


def publish_span(tracer: Tracer, publisher: str, record: ProducerRecord) -> Span | None:
    """Start the span `<publisher> publish` of a record; None if its trace is not recorded."""
    context = header_span(record.headers) if tracer.is_enabled else None
    if context is None or not tracer.samples(context):
        return None
    span = Span(f"{publisher} publish", "producer", context, None, tracer, time.time_ns())
    span.attributes["headrace.key"] = (record.key or b"").decode(errors="replace")
    span.attributes["headrace.topic"] = record.topic
    return span
