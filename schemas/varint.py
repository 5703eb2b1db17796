"""Numbers of variable length, as Avro and Protocol Buffers write them: groups of 7 bits, the lowest first."""

from __future__ import annotations


def write_varint(number: int) -> bytes:
    """Write an unsigned number."""
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
