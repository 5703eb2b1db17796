"""A passage: a piece of a result with its moment, which search returns. Pure."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from headrace.streams.search_text import SearchNameKind, SearchProseKind

PassageKind = (
    SearchNameKind | SearchProseKind | Literal["vector", "face", "entity", "pii", "language", "name", "thumbnail"]
)

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a result. Times are in seconds, `confidence` is from 0 to 100, `word_times` in milliseconds.

    A passage of the kind `vector` has a vector (`headrace.streams.passages.vectors`); its `name` is the kind of its
    text, and its `category` the model.

    `name` and `category` are what filters compare: the name and parent of a label, the text and type of an entity.
    """

    kind: PassageKind
    text: str
    name: str = ""
    category: str = ""
    language: str = ""
    confidence: float | None = None
    start: float | None = None
    end: float | None = None
    page: int | None = None
    word_times: bytes | None = None
    vector: bytes | None = None


def filter_name(name: str) -> str:
    """Return a name in the form that filters compare: lower case, single spaces, at most 200 characters."""
    return " ".join(name.casefold().split())[:LONGEST_NAME]


def pack_times(milliseconds: Iterable[int]) -> bytes:
    """Encode the times of words as unsigned 32-bit integers, little-endian."""
    values = array.array("I", (min(max(each, 0), 2**32 - 1) for each in milliseconds))
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpack_times(packed: bytes) -> list[int]:
    """Decode the times of words in milliseconds."""
    values = array.array("I", packed)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()
