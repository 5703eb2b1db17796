"""The spans of a stage: one for each delivery of a record, and one for the end of a job.

Attributes are named as the fields of the log line of the record. Each costs 5 % of the CPU time of a span.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.spans import Span, SpanContext, current_span, header_span, parse_traceparent
from headrace.schemas.tracing.tracer import Tracer, running_span
from headrace.streams.engine.headers import FAILED_SPAN, RETRY, RETRY_TOPIC
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import RecordHandler

Process = Callable[[ConsumerRecord], Awaitable[RecordDisposition]]


def traced(stage: str, work: RecordHandler, tracer: Tracer) -> RecordHandler:
    """Return a handler that runs each record in a span. Without tracing it is the same handler."""
    if not tracer.is_enabled:
        return work
    return work._replace(
        process=_in_span(stage, "process", work.process, tracer),
        on_deadline=_in_span(stage, "deadline", work.on_deadline, tracer),
    )


def finish_span(tracer: Tracer, stage: str, started: str) -> AbstractContextManager[Span | None]:
    """Return the span that ends a job, in the trace of its start. It links to the delivery of the completion.

    `started` is the `traceparent` that is stored with the job.
    """
    completion = current_span()
    links = (completion.context,) if completion else ()
    return running_span(tracer, f"{stage} finish", "internal", parse_traceparent(started), links)


def link_stored(traceparent: str) -> None:
    """Link the current span to the one that made the stored result: the record is a redelivery or a replay."""
    span = current_span()
    if span is not None:
        span.link(parse_traceparent(traceparent))


def describe_outcome(name: str, code: str, reason: str) -> None:
    """Add the outcome of a record to the current span. A span that only skips a record is not exported."""
    span = current_span()
    if span is None:
        return
    span.attributes["headrace.outcome"] = name
    span.attributes["headrace.code"] = code
    span.is_discarded = code == "skipped"
    if name == "dead-lettered":
        span.error = reason
        span.attributes["error.type"] = code


def _in_span(stage: str, operation: str, run: Process, tracer: Tracer) -> Process:
    name = f"{stage} {operation}"

    async def process(record: ConsumerRecord) -> RecordDisposition:
        parent = header_span(record.headers)
        with running_span(tracer, name, "consumer", parent, (_earlier_attempt(record),)) as span:
            if span is not None:
                span.attributes["headrace.key"] = (record.key or b"").decode(errors="replace")
                span.attributes["headrace.record"] = f"{record.topic}/{record.partition}/{record.offset}"
            return await run(record)

    return process


def _earlier_attempt(record: ConsumerRecord) -> SpanContext | None:
    """Return the span whose retry or dead letter this record is. Only stages and operators write to retry topics."""
    return header_span(record.headers, RETRY + FAILED_SPAN) if record.topic.endswith(RETRY_TOPIC) else None
