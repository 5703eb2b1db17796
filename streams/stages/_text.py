"""Texts: where a record's text lies, and how one is cut to what a service takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from headrace.schemas.records import DocumentAnalysed, MediaTranscribed, MediaTranslated
from headrace.streams.services import Services

HAS_WORDS = {"words": [{"numeric": [">", 0]}]}
"""The records whose text is worth a call."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text and the code of its language, such as `en`; empty where nobody has said."""

    content: str
    language: str


async def text_of(record: Any, services: Services) -> SourceText:
    """Fetch the text that a record tells of: what was said, read or translated. Raises `Unprocessable`."""
    match record:
        case MediaTranscribed():
            answer = json.loads(await services.blobs.read(record.result))
            said = " ".join(each["transcript"] for each in answer["results"]["transcripts"])
            return SourceText(said, record.language.partition("-")[0])
        case DocumentAnalysed():
            return SourceText((await services.blobs.read(record.text)).decode(), "")
        case MediaTranslated():
            return SourceText((await services.blobs.read(record.text)).decode(), record.target)
    raise TypeError(f"{type(record).__name__} tells of no text")


def excerpt(text: str, length: int = 300) -> str:
    """Give the beginning of a text for people to see."""
    return text[:length]
