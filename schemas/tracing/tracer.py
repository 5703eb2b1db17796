"""The port through which components record spans. Without an exporter nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from headrace.schemas.spans import Span, SpanContext, SpanRecorder, SpanRole, enter_span, leave_span


@dataclass(slots=True)
class SpanCounts:
    """Spans by what became of them. `queue_full` and `export_failed` are lost."""

    exported: int = 0
    queue_full: int = 0
    export_failed: int = 0


class Tracer(SpanRecorder, Protocol):
    """The tracer of a process."""

    counts: SpanCounts

    @property
    def is_enabled(self) -> bool:
        """Whether any span is recorded."""

    def samples(self, context: SpanContext) -> bool:
        """Whether the trace of a span is recorded."""

    def close(self) -> None:
        """Export what is recorded, for a few seconds at most. Blocks."""


class NoTracing:
    """Records nothing."""

    is_enabled = False

    def __init__(self) -> None:
        self.counts = SpanCounts()

    def start(self, name: str, kind: SpanRole, parent: SpanContext | None) -> Span | None:
        """Return None."""

    def end(self, span: Span) -> None:
        """Do nothing."""

    def samples(self, context: SpanContext) -> bool:
        """Return False."""
        return False

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def running_span(
    tracer: Tracer, name: str, kind: SpanRole, parent: SpanContext | None, links: Sequence[SpanContext | None] = ()
) -> Iterator[Span | None]:
    """Run the body in a span, which ends with it. An exception marks the span as failed.

    The body of a span that is not recorded has no current span: what it starts belongs to no other trace.
    """
    span = tracer.start(name, kind, parent)
    token = enter_span(span)
    try:
        if span is not None:
            for each in links:
                span.link(each)
        yield span
    except BaseException as error:
        if span is not None:
            span.error = type(error).__name__
        raise
    finally:
        leave_span(token)
        if span is not None:
            tracer.end(span)
