"""Vectors as bytes: numbers of 16 bits for storage, and one bit for a fast comparison. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import sqrt
from operator import mul

_SIGN = bytes(ord("0") if byte & 0x80 else ord("1") for byte in range(256))


def pack_vector(vector: Sequence[float]) -> bytes:
    """Encode a vector of length 1 as little-endian 16-bit floats, with 3 significant digits. Source: IEEE 754."""
    return struct.pack(f"<{len(vector)}e", *vector)


def unpack_vector(packed: bytes) -> tuple[float, ...]:
    """Decode a vector."""
    return struct.unpack(f"<{len(packed) // 2}e", packed)


def sign_bits(packed: bytes) -> bytes:
    """Return one bit for each number of a packed vector: whether it is positive.

    The share of equal bits grows with the cosine of two vectors. Source: Charikar, "Similarity Estimation Techniques
    from Rounding Algorithms", 2002.
    """
    return int(packed[1::2].translate(_SIGN), 2).to_bytes(len(packed) // 16)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of the angle between two vectors, from -1 to 1; 0 if one has no direction."""
    lengths = sqrt(_dot(one, one) * _dot(other, other))
    return _dot(one, other) / lengths if lengths else 0.0


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return float(sum(map(mul, one, other)))
