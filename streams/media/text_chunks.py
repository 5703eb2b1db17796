"""Split text into chunks that fit the size limit of a service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'»”)\]]*\s+|\n+")


_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A stretch of a text, and the place of its first character in the whole."""

    begin: int
    content: str


def split_text(text: str, most_bytes: int) -> Iterator[TextChunk]:
    """Cut a text into parts of at most so many bytes of UTF-8, each as long as it can be.

    It is cut behind a sentence; where one is too long, behind a word; where that is too long, between characters.
    The parts together are the text, without those that are mere white space.
    """
    begin = 0
    while begin < len(text):
        end = _end(text, begin, most_bytes)
        if text[begin:end].strip():
            yield TextChunk(begin, text[begin:end])
        begin = end


def _end(text: str, begin: int, most_bytes: int) -> int:
    """Say where a part ends that begins here."""
    longest = begin + len(text[begin : begin + most_bytes].encode()[:most_bytes].decode(errors="ignore"))
    if longest >= len(text):
        return len(text)
    for border in (_SENTENCE_END, _SPACE):
        ends = [found.end() for found in border.finditer(text, begin, longest)]
        if ends and ends[-1] > begin:
            return ends[-1]
    return max(longest, begin + 1)
