"""A perceptual hash of pictures: near-duplicates have hashes that differ in few bits. Pure.

Source: N. Krawetz, "Kind of Like That" (2013): dHash, here with 16 x 16 differences instead of 8 x 8.
"""

from __future__ import annotations

from itertools import pairwise

HASH_SIDE = 16
NOISE = 2
"""Grey values by which neighbours must differ: noise and compression change flat areas by less."""
SIMILAR_BITS = 12
"""Bits in which near-duplicates differ at most. In the sample `people.mp4`, an empty room differs from itself by at
most 14 of 256 bits, and from a room with a person in it by 20 or more.
"""


def difference_hash(pixels: bytes) -> bytes:
    """Return the 32-byte hash of 17 x 16 grey values: a bit for each pixel that is darker than the next in its row."""
    bits = 0
    for row in range(HASH_SIDE):
        line = pixels[row * (HASH_SIDE + 1) :][: HASH_SIDE + 1]
        for left, right in pairwise(line):
            bits = bits << 1 | (right > left + NOISE)
    return bits.to_bytes(HASH_SIDE * HASH_SIDE // 8, "big")


def distance(one: bytes, other: bytes) -> int:
    """Return the number of bits in which two hashes differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def is_similar(one: bytes, other: bytes) -> bool:
    """Return whether two hashes belong to near-duplicates."""
    return distance(one, other) <= SIMILAR_BITS
