"""Bound the work of decoding one record."""

from __future__ import annotations

from io import BytesIO

MAX_READS = 65_536
"""Reads of one record. fastavro reads each value, and each byte of a number, with one call."""


class _LimitedReads(BytesIO):
    """The bytes of a large record."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes. Raises `ValueError` after `MAX_READS` calls."""
        self.reads += 1
        if self.reads > MAX_READS:
            raise ValueError(f"a record has at most {MAX_READS} values")
        return super().read(size)


def stream_of(data: bytes) -> BytesIO:
    """Return the bytes of a record as a stream. A record of a million small items would block an event loop.

    A record of few bytes has few values, so its stream needs no counter.
    """
    return BytesIO(data) if len(data) <= MAX_READS else _LimitedReads(data)
