"""Encode spans as OTLP protobuf, without an object for each message.

Source: opentelemetry-proto 1.x, `trace.proto` and `common.proto`; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

from headrace.schemas.safe_text import safe_text
from headrace.schemas.spans import AttributeValue, Span, SpanContext, SpanRole
from headrace.schemas.varint import write_varint

KINDS: dict[SpanRole, bytes] = {
    "internal": b"\x30\x01",
    "client": b"\x30\x03",
    "producer": b"\x30\x04",
    "consumer": b"\x30\x05",
}
OWN = frozenset({"headrace.outcome", "headrace.topic", "headrace.record"})
"""Attributes that contain no external text."""

_TRACE_ID, _SPAN_ID, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
_NAME, _ATTRIBUTE, _LINK, _STATUS = b"\x2a", b"\x4a", b"\x6a", b"\x7a"
_TIMES = struct.Struct("<cQcQ")
_DOUBLE = struct.Struct("<d")
_LOCAL_PARENT = b"\x85\x01\x00\x01\x00\x00"
"""Field `flags` of a span: it is known that its parent is not remote."""
_LOCAL_LINK = b"\x35\x00\x01\x00\x00"
_UNSET = b"\x7a\x00"
_MASK = 2**64 - 1


def encode_request(resource: bytes, scope: bytes, spans: Iterable[Span]) -> bytes:
    """Return an ExportTraceServiceRequest with spans of one encoded resource and one encoded scope."""
    content = b"".join([_field(b"\x0a", scope), *(_field(b"\x12", _span(span)) for span in spans)])
    return _field(b"\x0a", _field(b"\x0a", resource) + _field(b"\x12", content))


def _span(span: Span) -> bytes:
    context = span.context
    parts = [_TRACE_ID, bytes.fromhex(context.trace_id), _SPAN_ID, bytes.fromhex(context.span_id)]
    if span.parent_id:
        parts += (_PARENT_ID, bytes.fromhex(span.parent_id))
    parts += (_text(_NAME, span.name), KINDS[span.kind], _TIMES.pack(b"\x39", span.start_ns, b"\x41", span.end_ns))
    parts += [_field(_ATTRIBUTE, _key(name) + _value(name, value)) for name, value in span.attributes.items()]
    parts += [_link(each) for each in span.links]
    parts.append(_field(_STATUS, _text(b"\x12", safe_text(span.error)) + b"\x18\x02") if span.error else _UNSET)
    parts.append(_LOCAL_PARENT)
    return b"".join(parts)


def _link(context: SpanContext) -> bytes:
    ids = _TRACE_ID + bytes.fromhex(context.trace_id) + _SPAN_ID + bytes.fromhex(context.span_id)
    return _field(_LINK, ids + _LOCAL_LINK)


def _value(name: str, value: AttributeValue) -> bytes:
    """Return the field `value` of an attribute. Text is redacted as in logs."""
    if isinstance(value, str):
        return _field(b"\x12", _text(b"\x0a", value if name in OWN else safe_text(value)))
    if isinstance(value, bool):
        return _field(b"\x12", b"\x10" + write_varint(value))
    if isinstance(value, int):
        return _field(b"\x12", b"\x18" + write_varint(value & _MASK))
    return _field(b"\x12", b"\x21" + _DOUBLE.pack(value))


@lru_cache(1024)
def _key(name: str) -> bytes:
    return _text(b"\x0a", name)


def _text(tag: bytes, text: str) -> bytes:
    return _field(tag, text.encode(errors="replace"))


def _field(tag: bytes, content: bytes) -> bytes:
    """Return a field of bytes with its length."""
    size = len(content)
    return tag + (size.to_bytes(1) if size < 128 else write_varint(size)) + content
