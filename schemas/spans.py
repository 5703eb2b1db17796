"""Spans of a trace, and the span that the running task or thread belongs to.

Source: W3C Trace Context Level 2, "traceparent Header"; OpenTelemetry Specification, "Span".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Literal, Protocol

import msgspec

TRACEPARENT = "traceparent"

SpanRole = Literal["internal", "client", "producer", "consumer"]
AttributeValue = str | int | float | bool

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_ODD_DIGITS = "13579bdf"
"""The last digits of flags whose lowest bit, "sampled", is set."""
_LONGEST = 256


class SpanContext(msgspec.Struct, frozen=True, gc=False):
    """What other spans refer to: the ids in lower-case hexadecimal digits, and whether the trace is recorded."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """Return the value of the header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


class SpanRecorder(Protocol):
    """Starts and records spans. Thread-safe. Neither method blocks or raises."""

    def start(self, name: str, kind: SpanRole, parent: SpanContext | None) -> Span | None:
        """Start a span; None if its trace is not recorded. A span without a parent starts a trace."""

    def end(self, span: Span) -> None:
        """Record a span, unless it is discarded."""


class Span:
    """One operation of a trace. Only the task or thread that started it changes it. Times are in ns since 1970."""

    __slots__ = (
        "attributes",
        "context",
        "end_ns",
        "error",
        "has_children",
        "is_discarded",
        "kind",
        "links",
        "name",
        "parent_id",
        "recorder",
        "start_ns",
    )

    def __init__(
        self,
        name: str,
        kind: SpanRole,
        context: SpanContext,
        parent: SpanContext | None,
        recorder: SpanRecorder,
        start_ns: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.parent_id = parent.span_id if parent else ""
        self.recorder = recorder
        self.start_ns = start_ns
        self.end_ns = 0
        self.attributes: dict[str, AttributeValue] = {}
        self.links: list[SpanContext] = []
        self.error = ""
        """Why the operation failed; empty if it did not."""
        self.has_children = False
        self.is_discarded = False

    def link(self, context: SpanContext | None) -> None:
        """Refer to a span that is not the parent. None and the parent are ignored."""
        if context is not None and context.span_id not in (self.parent_id, self.context.span_id):
            self.links.append(context)


_CURRENT: ContextVar[Span | None] = ContextVar("headrace_span", default=None)

current_span = _CURRENT.get
"""Return the span of the running task or thread; None if there is none."""
enter_span = _CURRENT.set
"""Make a span the current one. The result is for `leave_span`."""
leave_span = _CURRENT.reset


def parse_traceparent(value: str) -> SpanContext | None:
    """Return the span that a header names; None if the header is invalid."""
    found = _FORM.fullmatch(value) if len(value) <= _LONGEST else None
    if found is None:
        return None
    return SpanContext(found[1], found[2], found[3][1] in _ODD_DIGITS)


def header_span(headers: Iterable[tuple[str, bytes | None]], name: str = TRACEPARENT) -> SpanContext | None:
    """Return the span that the last Kafka header with a name names; None if there is none, or it is invalid."""
    value = None
    for header, content in headers:
        if header == name:
            value = content
    return parse_traceparent(value.decode("ascii", "replace")) if value else None


def current_traceparent(otherwise: str) -> str:
    """Return the header of the current span, or a header that is passed on if there is none."""
    span = _CURRENT.get()
    return otherwise if span is None else span.context.traceparent
