"""Texts: where a record's text lies, and how one is cut to what a service takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.schemas.records import DocumentAnalysed, MediaTranscribed, MediaTranslated
from headrace.streams.services import Services

HAS_WORDS = {"words": [{"numeric": [">", 0]}]}
"""The records whose text is worth a call."""

_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'»”)\]]*\s+|\n+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the code of its language, such as `en`; empty where nobody has said."""

    content: str
    language: str


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text, and the place of its first character in the whole."""

    begin: int
    content: str


async def text_of(record: Any, services: Services) -> Text:
    """Fetch the text that a record tells of: what was said, read or translated. Raises `Unprocessable`."""
    match record:
        case MediaTranscribed():
            answer = json.loads(await services.blobs.read(record.result))
            said = " ".join(each["transcript"] for each in answer["results"]["transcripts"])
            return Text(said, record.language.partition("-")[0])
        case DocumentAnalysed():
            return Text((await services.blobs.read(record.text)).decode(), "")
        case MediaTranslated():
            return Text((await services.blobs.read(record.text)).decode(), record.target)
    raise TypeError(f"{type(record).__name__} tells of no text")


def excerpt(text: str, length: int = 300) -> str:
    """Give the beginning of a text for people to see."""
    return text[:length]


def parts(text: str, most_bytes: int) -> Iterator[Part]:
    """Cut a text into parts of at most so many bytes of UTF-8, each as long as it can be.

    It is cut behind a sentence; where one is too long, behind a word; where that is too long, between characters.
    The parts together are the text, without those that are mere white space.
    """
    begin = 0
    while begin < len(text):
        end = _end(text, begin, most_bytes)
        if text[begin:end].strip():
            yield Part(begin, text[begin:end])
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
