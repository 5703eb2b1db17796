"""Locate the match in a passage: its moment, and an excerpt around it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from headrace.console.search.analysis import base_language, stem_term, word_term
from headrace.console.search.text_query import QueryTerm, TextQuery
from headrace.streams.passages.passage import unpack_times
from headrace.streams.passages.words import TextWord, words

LONGEST_EXCERPT = 160
"""Characters of an excerpt."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a passage. `matches` are ranges of its characters; `seconds` is the time of the first, if known."""

    text: str
    matches: tuple[tuple[int, int], ...]
    seconds: float | None = None


def excerpt(text: str, language: str, query: TextQuery | None, times: bytes | None) -> Excerpt:
    """Return the part of a passage around its first match."""
    found = list(words(text))
    ranges = _matches(found, base_language(language), query) if query else []
    seconds = None
    if ranges and times:
        milliseconds = unpack_times(times)
        first = bisect_right([word.begin for word in found], ranges[0][0]) - 1
        seconds = milliseconds[first] / 1000 if first < len(milliseconds) else None
    begin, end = _window(text, ranges[0] if ranges else (0, 0))
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    moved = [(max(low, begin), min(high, end)) for low, high in ranges if low < end and high > begin]
    offset = len(before) - begin
    return Excerpt(
        f"{before}{text[begin:end]}{after}", tuple((low + offset, high + offset) for low, high in moved), seconds
    )


def _matches(found: Sequence[TextWord], language: str, query: TextQuery) -> list[tuple[int, int]]:
    """Return the ranges of characters that match a term, in order and without overlaps."""
    exact = [word_term(word.text) for word in found]
    stems = [stem_term(word.text, language) for word in found]
    ranges: list[tuple[int, int]] = []
    position = 0
    while position < len(found):
        length = max((_length(term, exact, stems, position) for term in query.terms), default=0)
        if length:
            ranges.append((found[position].begin, found[position + length - 1].end))
        position += max(length, 1)
    return ranges


def _length(term: QueryTerm, exact: Sequence[str], stems: Sequence[str], position: int) -> int:
    """Return how many words match a term from a position on."""
    for sequence in term.alternatives:
        size = len(sequence)
        if len(sequence) == 1 and sequence[0] == stems[position]:
            return 1
        part = tuple(exact[position : position + size])
        if part == sequence:
            return size
        if term.prefix and part[:-1] == sequence[:-1] and len(part) == size and part[-1].startswith(sequence[-1]):
            return size
    return 0


def _window(text: str, match: tuple[int, int]) -> tuple[int, int]:
    """Return the range of an excerpt around a match, cut at spaces."""
    if len(text) <= LONGEST_EXCERPT:
        return 0, len(text)
    begin = max(0, min(match[0] - LONGEST_EXCERPT // 3, len(text) - LONGEST_EXCERPT))
    end = min(len(text), begin + LONGEST_EXCERPT)
    if begin and (space := text.find(" ", begin, match[0])) >= 0:
        begin = space + 1
    if end < len(text) and (space := text.rfind(" ", match[1], end)) >= 0:
        end = space
    return begin, end
