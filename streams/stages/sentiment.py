"""Judge the mood of a text."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import SentimentDetected
from headrace.schemas.topics import DOCUMENTS, SENTIMENT, TRANSCRIBED
from headrace.streams.services import Services
from headrace.streams.stage import Stage, Transform
from headrace.streams.stages._text import HAS_WORDS, text_of


async def sentiment(record: Any, services: Services) -> SentimentDetected:
    """Weigh the moods of all parts of the text; the likeliest is the text's."""
    text = await text_of(record, services)
    mood = await services.language.detect_sentiment(text.content, text.language)
    scores = {"positive": mood.positive, "negative": mood.negative, "neutral": mood.neutral, "mixed": mood.mixed}
    return SentimentDetected(
        asset=record.asset,
        sentiment=max(scores, key=lambda name: scores[name]).upper(),
        **scores,
        result=await services.blobs.put_blob(record.asset, "sentiment@1.answer.json", mood.answer, "application/json"),
        charges=mood.charges,
    )


STAGE = Stage(
    "sentiment",
    reads=(TRANSCRIBED, DOCUMENTS),
    writes=SENTIMENT,
    when=HAS_WORDS,
    handler=Transform(sentiment),
    paid_operations=("comprehend.detect_sentiment",),
)
