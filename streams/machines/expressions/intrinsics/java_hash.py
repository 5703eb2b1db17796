"""The order in which Java's `HashSet` iterates, which is the order of `States.ArrayUnique`.

Recorded on AWS: `[true, false]` becomes `[false, true]`, and `[[1, 2], [2, 1]]` becomes `[[2, 1], [1, 2]]`: the hash
codes are those of `java.lang.Boolean` and `java.util.List`.
Source: Java SE API, `hashCode` of these classes, and class `HashMap`, whose smallest table has 16 buckets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from headrace.streams.machines.json_types import Json

SMALLEST_TABLE = 16
_MASK = 0xFFFF_FFFF


def in_hash_order(values: list[Json], added: int) -> list[Json]:
    """Return distinct values in the order of a set that was made of `added` values."""
    buckets = SMALLEST_TABLE
    while buckets < added / 0.75 + 1:
        buckets *= 2
    return sorted(values, key=lambda value: _spread(java_hash(value)) & (buckets - 1))


def java_hash(value: Json) -> int:
    """Return the hash code of a JSON value as a Java object, as an unsigned number of 32 bits."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, int):
        return _folded(value) if not -(2**31) <= value < 2**31 else value & _MASK
    if isinstance(value, float):
        return _folded(struct.unpack(">Q", struct.pack(">d", value))[0])
    if isinstance(value, str):
        data = value.encode("utf-16-be", "surrogatepass")
        return _combined(struct.unpack(f">{len(data) // 2}H", data), 0)
    if isinstance(value, list):
        return _combined(map(java_hash, value), 1)
    return sum(java_hash(name) ^ java_hash(each) for name, each in value.items()) & _MASK


def _combined(hashes: Iterable[int], start: int) -> int:
    total = start
    for each in hashes:
        total = (31 * total + each) & _MASK
    return total


def _folded(value: int) -> int:
    return (value ^ (value >> 32)) & _MASK


def _spread(code: int) -> int:
    return code ^ (code >> 16)
