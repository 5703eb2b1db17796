"""Split text into chunks that fit the size limit of a service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'»”)\]]*\s+|\n+")


_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A part of a text and the index of its first character in the text."""

    begin: int
    content: str


def split_text(text: str, max_bytes: int) -> Iterator[TextChunk]:
    """Split a text into chunks of at most `max_bytes` bytes of UTF-8, each as long as possible.

    A chunk ends after a sentence; if a sentence is too long, after a word; if a word is too long, after a character.
    Chunks of white space only are omitted.
    """
    begin = 0
    while begin < len(text):
        end = _end(text, begin, max_bytes)
        if text[begin:end].strip():
            yield TextChunk(begin, text[begin:end])
        begin = end


def _end(text: str, begin: int, max_bytes: int) -> int:
    """Return the end of the chunk that starts at `begin`."""
    longest = begin + len(text[begin : begin + max_bytes].encode()[:max_bytes].decode(errors="ignore"))
    if longest >= len(text):
        return len(text)
    for border in (_SENTENCE_END, _SPACE):
        ends = [match.end() for match in border.finditer(text, begin, longest)]
        if ends and ends[-1] > begin:
            return ends[-1]
    return max(longest, begin + 1)
