"""A tracer that keeps its spans in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from headrace.schemas.spans import Span, SpanContext
from headrace.schemas.tracing.recorder import QueueLimits, RecordingTracer


class KeptSpans:
    """An exporter that keeps spans."""

    endpoint = "memory"

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def export(self, spans: Sequence[Span]) -> bool:
        self.spans += spans
        return True

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def recording(
    samples: Callable[[SpanContext], bool] = lambda _: True,
) -> Iterator[tuple[RecordingTracer, Callable[[], list[Span]]]]:
    """Yield a tracer, and a function that ends it and returns its spans."""
    kept = KeptSpans()
    tracer = RecordingTracer(kept, samples, QueueLimits(delay_seconds=60))

    def ended() -> list[Span]:
        tracer.close()
        return kept.spans

    try:
        yield tracer, ended
    finally:
        tracer.close()
