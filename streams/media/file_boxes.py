"""Find the end of a file in the structure of its container, to detect a truncated file without decoding it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal, NamedTuple

MAX_BOXES = 200_000
UNKNOWN_SIZES = range(0x7FFF_0000, 1 << 32)
"""Sizes that recorders write in a RIFF chunk before they know the actual one."""


class Box(NamedTuple):
    """A box or chunk: its type, its first byte and the byte after its last one."""

    kind: bytes
    start: int
    end: int


def is_truncated(file: int) -> bool:
    """Return whether the content of an open file goes on after its end.

    Only the boxes that hold the media count: other sizes are often wrong, and no player reads them.
    Sources: ISO/IEC 14496-12, 4.2 (MP4, QuickTime); EBU Tech 3306 and ITU-R BS.2088 (RIFF, RF64, BW64); AIFF 1.3;
    RFC 8794 and RFC 9559 (Matroska).
    """
    end = os.fstat(file).st_size
    head = os.pread(file, 64, 0)
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _has_long_chunk(_chunks(file, end, "little"), (b"data", b"movi"), end)
    if head.startswith(b"FORM"):
        return _has_long_chunk(_chunks(file, end, "big"), (b"SSND", b"BODY"), end)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return _matroska_end(head) > end
    if head[4:8] in _FIRST_BOXES:
        return any(box.kind in (b"moov", b"moof", b"mdat") and box.end > end for box in _boxes(file, end))
    return False


_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid", b"styp", b"moof")


def _has_long_chunk(chunks: Iterator[Box], media: tuple[bytes, ...], end: int) -> bool:
    """Return whether a chunk with media ends after the file; one byte of padding may be missing."""
    return any(each.kind in media and each.end > end + 1 for each in chunks)


def _chunks(file: int, end: int, order: Literal["little", "big"]) -> Iterator[Box]:
    """Yield the chunks of an IFF or RIFF file. The type of a list is the type of its content."""
    at, size64 = 12, None
    for _ in range(MAX_BOXES):
        head = os.pread(file, 24, at)
        if len(head) < 12:
            return
        kind, size = head[:4], int.from_bytes(head[4:8], order)
        if kind == b"ds64":
            size64 = int.from_bytes(head[16:24], order)
        if kind == b"LIST":
            kind = head[8:12]
        if kind == b"data" and size == 0xFFFF_FFFF and size64 is not None:
            size = size64
        elif size in UNKNOWN_SIZES:
            return
        yield Box(kind, at, at + 8 + size)
        at += 8 + size + size % 2
        if at >= end:
            return


def _boxes(file: int, end: int) -> Iterator[Box]:
    at = 0
    for _ in range(MAX_BOXES):
        head = os.pread(file, 16, at)
        size = int.from_bytes(head[:4])
        size = int.from_bytes(head[8:]) if size == 1 else size
        if size < 8:
            return
        yield Box(head[4:8], at, at + size)
        at += size
        if at >= end:
            return


def _matroska_end(head: bytes) -> int:
    """Return the end of the first segment; 0 if it is unknown."""
    at = 4
    size, length = _vint(head, at)
    if size is None:
        return 0
    at += length + size
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return 0
    size, length = _vint(head, at + 4)
    return 0 if size is None else at + 4 + length + size


def _vint(head: bytes, at: int) -> tuple[int | None, int]:
    """Return a size of EBML and its length in bytes; None if it is unknown."""
    first = head[at] if at < len(head) else 0
    length = 9 - first.bit_length()
    if length > 8 or at + length > len(head):
        return None, length
    value = int.from_bytes(head[at : at + length]) & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), length
