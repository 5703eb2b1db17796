"""The size of a Kafka record. Source: Apache Kafka documentation, "Message Format" (version 2)."""

from __future__ import annotations

from headrace.schemas.cloudevents import Headers

DELTAS = 3
"""Bytes of the attributes, of the offset delta, and of the timestamp delta of a record soon after the first one."""


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the bytes of a record in its batch, without compression and without its share of the batch header."""
    body = DELTAS + _field(key) + _field(value) + _varint(len(headers))
    for name, content in headers:
        body += _field(name.encode()) + _field(content.encode() if isinstance(content, str) else content)
    return _varint(body) + body


def _field(content: bytes | None) -> int:
    return _varint(-1) if content is None else _varint(len(content)) + len(content)


def _varint(number: int) -> int:
    """Return the bytes of a signed number in zigzag encoding, 7 bits a byte."""
    zigzag = 2 * number if number >= 0 else -2 * number - 1
    return max(1, -(-zigzag.bit_length() // 7))
