"""Read the text that a record refers to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from headrace.schemas.records import DocumentAnalysed, MediaTranscribed, MediaTranslated
from headrace.streams.services import Services

HAS_WORDS = {"words": [{"numeric": [">", 0]}]}
"""Matches records with at least one word."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text and its language code, such as `en-US`; empty if the language is unknown."""

    content: str
    language: str


async def text_of(record: Any, services: Services) -> SourceText:
    """Fetch the transcribed, extracted or translated text of a record.

    Raises:
        PermanentError: the text is no longer in the results bucket.
        TypeError: the record refers to no text.
    """
    match record:
        case MediaTranscribed():
            response = json.loads(await services.blobs.read(record.result))
            content = " ".join(each["transcript"] for each in response["results"]["transcripts"])
            return SourceText(content, record.language)
        case DocumentAnalysed():
            return SourceText((await services.blobs.read(record.text)).decode(), "")
        case MediaTranslated():
            return SourceText((await services.blobs.read(record.text)).decode(), record.target)
    raise TypeError(f"{type(record).__name__} refers to no text")


def excerpt(text: str, length: int = 300) -> str:
    """Return the first `length` characters."""
    return text[:length]
