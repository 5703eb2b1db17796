"""Read and write the numbers of Avro's binary encoding.

Source: Apache Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from headrace.schemas.varint import write_varint

MAX_VARINT_BYTES = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DOUBLE, FLOAT = struct.Struct("<d"), struct.Struct("<f")
SIZES_BY_FIRST_BYTE = tuple(-1 if first > 127 or first & 1 else first >> 1 for first in range(256))
"""Sizes by their first byte; -1 for sizes of more bytes, and for negative ones."""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read an unsigned number of at most 10 bytes."""
    value = 0
    for shift in range(0, 7 * MAX_VARINT_BYTES, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f"a number of more than {MAX_VARINT_BYTES} bytes")


def read_size(data: bytes, at: int) -> tuple[int, int]:
    """Read the size of a text. Raises ValueError for a negative one."""
    size, at = read_varint(data, at)
    if size & 1:
        raise ValueError("a text of a negative size")
    return size >> 1, at


def read_count(data: bytes, at: int) -> tuple[int, int]:
    """Read the number of items of a block of a collection. A negative number is followed by the bytes of the block.

    Raises:
        ValueError: the block is empty, or has more items than bytes that are left; each item occupies bytes.
    """
    items, at = read_varint(data, at)
    if items & 1:
        at = read_varint(data, at)[1]
    items = items + 1 >> 1
    if not 0 < items <= len(data) - at:
        raise ValueError(f"a block of {items} items in {len(data) - at} bytes")
    return items, at


def write_size(size: int) -> bytes:
    """Write the size of a text, or the number of items of a block."""
    return write_varint(size << 1)


def write_long(number: int) -> bytes:
    """Write a signed number of 64 bits. Raises ValueError for a larger one."""
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} has more than 64 bits")
    return write_varint(number << 1 ^ number >> 63)


def write_int(number: int) -> bytes:
    """Write a signed number of 32 bits. Raises ValueError for a larger one."""
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{number} has more than 32 bits")
    return write_varint(number << 1 ^ number >> 63)


class EnumSymbols(dict[int, str]):
    """The symbols of an enum by their encoded position."""

    def __missing__(self, position: int) -> str:
        raise ValueError(f"an enum has no symbol {position}")
