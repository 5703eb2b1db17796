"""Detect the languages of a text."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import LanguageDetected, LanguageShare
from headrace.schemas.topics import DOCUMENTS, LANGUAGE, TRANSCRIBED
from headrace.streams.handlers import Transform
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._text import HAS_WORDS, text_of
from headrace.streams.text_features import TEXT_FEATURES


async def language(record: Any, services: Services) -> LanguageDetected:
    """Return all detected languages by descending confidence."""
    text = await text_of(record, services)
    detected = await services.language.detect_languages(text.content)
    return LanguageDetected(
        asset=record.asset,
        language=detected.shares[0][0] if detected.shares else "",
        languages=tuple(LanguageShare(language=code, score=score) for code, score in detected.shares),
        result=await services.blobs.put_blob(
            record.asset, "language@1.answer.json", detected.answer, "application/json"
        ),
        charges=detected.charges,
    )


STAGE = Stage(
    "language",
    reads=(TRANSCRIBED, DOCUMENTS),
    writes=LANGUAGE,
    when=HAS_WORDS,
    handler=Transform(language),
    paid_operations=(TEXT_FEATURES["language"].paid_operation,),
)
