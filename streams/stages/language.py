"""Tell the language of a text."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import LanguageDetected, LanguageShare
from headrace.schemas.topics import DOCUMENTS, LANGUAGE, TRANSCRIBED
from headrace.streams.services import Services
from headrace.streams.stage import Stage, Transform
from headrace.streams.stages._text import HAS_WORDS, text_of


async def language(record: Any, services: Services) -> LanguageDetected:
    """Name all languages that were found, likeliest first."""
    text = await text_of(record, services)
    told = await services.language.detect_languages(text.content)
    return LanguageDetected(
        asset=record.asset,
        language=told.shares[0][0] if told.shares else "",
        languages=tuple(LanguageShare(language=code, score=score) for code, score in told.shares),
        result=await services.blobs.put_blob(record.asset, "language@1.answer.json", told.answer, "application/json"),
        charges=told.charges,
    )


STAGE = Stage(
    "language",
    reads=(TRANSCRIBED, DOCUMENTS),
    writes=LANGUAGE,
    when=HAS_WORDS,
    handler=Transform(language),
    paid_operations=("comprehend.detect_dominant_language",),
)
