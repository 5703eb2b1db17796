"""The numbers of `java.util.Random`, which the service returns for a seed.

Source: Java SE API, class java.util.Random: a linear congruential generator of 48 bits.
"""

from __future__ import annotations

_MULTIPLIER = 0x5DEECE66D
_INCREMENT = 0xB
_MASK = (1 << 48) - 1


class JavaRandom:
    """A generator with the seed of a Java `long`."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def next_double(self) -> float:
        """Return the next number, at least 0 and below 1."""
        return ((self._bits(26) << 27) + self._bits(27)) / (1 << 53)

    def next_int(self, bound: int) -> int:
        """Return the next integer, at least 0 and below `bound`, which has at most 31 bits."""
        if bound & (bound - 1) == 0:
            return (bound * self._bits(31)) >> 31
        while True:
            bits = self._bits(31)
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value

    def _bits(self, count: int) -> int:
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return self._state >> (48 - count)
