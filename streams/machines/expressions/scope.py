"""What an expression reads: the values of a state, the time, and random numbers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Final, final

import msgspec

from headrace.streams.machines.json_types import Json


class Scope(msgspec.Struct, frozen=True, gc=False):
    """The values that a JSONPath expression reads: `$` is the input, `$$` the context object, `$name` a variable."""

    input: Json
    context: Mapping[str, Json] = {}
    variables: Mapping[str, Json] = {}


class Entropy:
    """The time and the random numbers of one transition.

    Both come from the stimulus, so that a transition repeats exactly: the same seed returns the same numbers and
    UUIDs in the same order. `now` has a time zone.
    """

    __slots__ = ("_random", "_seed", "now")

    def __init__(self, now: datetime, seed: int | str | bytes) -> None:
        self.now = now
        self._seed = seed
        self._random: Random | None = None

    def fraction(self) -> float:
        """Return the next number, at least 0 and below 1."""
        return self._numbers().random()

    def integer(self, start: int, end: int) -> int:
        """Return the next integer, at least `start` and below `end`."""
        return self._numbers().randrange(start, end)

    def uuid(self) -> str:
        """Return the next UUID of version 4."""
        return str(uuid.UUID(int=self._numbers().getrandbits(128), version=4))

    def _numbers(self) -> Random:
        if self._random is None:
            self._random = Random(self._seed)
        return self._random


@final
class Missing:
    """The absence of a value. JSON's null is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
