"""Record spans in a bounded queue, and export them in a thread. Work never waits for an exporter."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.spans import Span, SpanContext, SpanRole, current_span
from headrace.schemas.tracing.sampler import Samples
from headrace.schemas.tracing.tracer import SpanCounts

CLOSE_SECONDS = 5.0


class SpanExporter(Protocol):
    """Sends spans. Called in one thread only."""

    endpoint: str

    def export(self, spans: Sequence[Span]) -> bool:
        """Send spans and return whether they were accepted. May block; does not raise."""

    def close(self) -> None:
        """Abort a running export. Called from another thread."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Spans in the queue and in one export, and the seconds between exports."""

    queue: int = 2048
    batch: int = 512
    delay_seconds: float = 5.0


class RecordingTracer:
    """Records the spans of sampled traces. A full queue drops spans and counts them."""

    is_enabled = True

    def __init__(self, exporter: SpanExporter, samples: Samples, limits: QueueLimits = QueueLimits()) -> None:
        self.counts = SpanCounts()
        self.samples = samples
        self._exporter = exporter
        self._limits = limits
        self._bits = random.Random().getrandbits
        self._spans: deque[Span] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._outage = OutageLog(trace_exporter=exporter.endpoint)
        self._thread = threading.Thread(target=self._run, name="export-spans", daemon=True)
        self._thread.start()

    def start(self, name: str, kind: SpanRole, parent: SpanContext | None) -> Span | None:
        """Start a span; None if its trace is not recorded. A span without a parent starts a trace."""
        span_id = f"{self._bits(64) or 1:016x}"
        if parent is None:
            context = SpanContext(f"{self._bits(128) or 1:032x}", span_id)
            return Span(name, kind, context, None, self, time.time_ns()) if self.samples(context) else None
        active = current_span()
        if active is not None and active.context is parent:
            active.has_children = True
        elif not self.samples(parent):
            return None
        return Span(name, kind, SpanContext(parent.trace_id, span_id), parent, self, time.time_ns())

    def end(self, span: Span) -> None:
        """Record a span, unless it is discarded."""
        if span.is_discarded and not span.has_children:
            return
        span.end_ns = span.end_ns or time.time_ns()
        waiting = len(self._spans)
        if waiting >= self._limits.queue:
            with self._lock:
                self.counts.queue_full += 1
            return
        self._spans.append(span)
        if waiting + 1 >= self._limits.batch and not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Export what is recorded, for a few seconds at most. Blocks."""
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)
        self._exporter.close()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self._limits.delay_seconds)
            self._wake.clear()
            while self._spans:
                self._export()
                if len(self._spans) < self._limits.batch and not self._closing.is_set():
                    break

    def _export(self) -> None:
        batch = [self._spans.popleft() for _ in range(min(len(self._spans), self._limits.batch))]
        try:
            accepted = self._exporter.export(batch)
        except Exception as error:  # a thread that ends would fill the queue
            self._outage.down(f"{type(error).__name__}: spans are lost")
            self.counts.export_failed += len(batch)
            return
        if accepted:
            self._outage.recovered()
            self.counts.exported += len(batch)
        else:
            self._outage.down("the OTLP receiver does not accept spans; they are lost")
            self.counts.export_failed += len(batch)
