"""Detect the sentiment of a text."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import SentimentDetected
from headrace.schemas.topics import DOCUMENTS, SENTIMENT, TRANSCRIBED
from headrace.streams.handlers import Transform
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._text import HAS_WORDS, text_of
from headrace.streams.text_features import TEXT_FEATURES


async def sentiment(record: Any, services: Services) -> SentimentDetected:
    """Return the scores over all parts of the text, and the sentiment with the highest score."""
    text = await text_of(record, services)
    detected = await services.language.detect_sentiment(text.content, text.language)
    scores = {
        "positive": detected.positive,
        "negative": detected.negative,
        "neutral": detected.neutral,
        "mixed": detected.mixed,
    }
    return SentimentDetected(
        asset=record.asset,
        sentiment=max(scores, key=lambda name: scores[name]).upper(),
        **scores,
        result=await services.blobs.put_blob(
            record.asset, "sentiment@1.answer.json", detected.answer, "application/json"
        ),
        charges=detected.charges,
    )


STAGE = Stage(
    "sentiment",
    reads=(TRANSCRIBED, DOCUMENTS),
    writes=SENTIMENT,
    when=HAS_WORDS,
    handler=Transform(sentiment),
    paid_operations=(TEXT_FEATURES["sentiment"].paid_operation,),
)
