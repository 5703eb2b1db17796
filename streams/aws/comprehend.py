"""`streams.services.Language` over Amazon Comprehend.

Long texts are asked about part by part; what is found is placed in the whole text.
Source: Amazon Comprehend Developer Guide, "Guidelines and quotas" (sizes, supported languages).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from headrace.schemas.records import Charge
from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import charge, operation_of
from headrace.streams.errors import PermanentError
from headrace.streams.media.text_chunks import TextChunk, split_text
from headrace.streams.service_results import (
    LanguageResult,
    SentimentResult,
    TextFeature,
    TextSpan,
    TextSpans,
)
from headrace.streams.settings import StreamSettings

MOST_BYTES = 100_000
MOST_BYTES_OF_MOOD = 5_000
LEAST_UNITS = 3

SUPPORTED = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW"})
SUPPORTED_FOR_PII = frozenset({"en", "es"})

OPERATIONS: dict[TextFeature, tuple[str, str]] = {
    "entities": ("detect_entities", "Entities"),
    "key-phrases": ("detect_key_phrases", "KeyPhrases"),
    "pii": ("detect_pii_entities", "Entities"),
}


class Comprehend:
    """Understands text, through Comprehend."""

    def __init__(self, aws: AwsClient, settings: StreamSettings) -> None:
        self._aws = aws
        self._settings = settings

    async def detect_spans(self, feature: TextFeature, text: str, language: str) -> TextSpans:
        """Find names, key phrases or personal data; of the last, only where they stand."""
        operation, found = OPERATIONS[feature]
        code = self._supported(language, SUPPORTED_FOR_PII if feature == "pii" else SUPPORTED)
        pieces = list(split_text(text, MOST_BYTES))
        marks: list[TextSpan] = []
        for part in pieces:
            answer = await self._aws.call("comprehend", operation, Text=part.content, LanguageCode=code)
            marks += (_mark(each, part) for each in answer[found])
        return TextSpans(tuple(marks), _paid(operation, pieces))

    async def detect_sentiment(self, text: str, language: str) -> SentimentResult:
        """Judge every part, and weigh it by its length."""
        code = self._supported(language, SUPPORTED)
        pieces = list(split_text(text, MOST_BYTES_OF_MOOD))
        shares: dict[str, float] = defaultdict(float)
        answers = []
        for part in pieces:
            answer = await self._aws.call("comprehend", "detect_sentiment", Text=part.content, LanguageCode=code)
            answers.append({"begin": part.begin, "sentiment": answer["Sentiment"], "scores": answer["SentimentScore"]})
            for name, score in answer["SentimentScore"].items():
                shares[name] += score * len(part.content)
        whole = sum(len(part.content) for part in pieces) or 1
        scores = {name.lower(): round(share / whole, 4) for name, share in shares.items()}
        return SentimentResult(**scores, answer=json.dumps(answers).encode(), charges=_paid("detect_sentiment", pieces))

    async def detect_languages(self, text: str) -> LanguageResult:
        """Ask about the beginning of a text, as much as fits into one call."""
        pieces = list(split_text(text, MOST_BYTES))[:1]
        answer = await self._aws.call("comprehend", "detect_dominant_language", Text=pieces[0].content)
        told = sorted(answer["Languages"], key=lambda each: -each["Score"])
        shares = tuple((each["LanguageCode"], round(each["Score"], 4)) for each in told)
        return LanguageResult(shares, json.dumps(told).encode(), _paid("detect_dominant_language", pieces))

    def _supported(self, language: str, supported: frozenset[str]) -> str:
        code = language or self._settings.language or "en"
        short = code if code in supported else code.partition("-")[0]
        if short not in supported:
            known = ", ".join(sorted(supported))
            raise PermanentError("unsupported_language", f"the text is in {code}; Comprehend takes {known}")
        return short


def _mark(found: dict[str, Any], part: TextChunk) -> TextSpan:
    begin, end = found["BeginOffset"], found["EndOffset"]
    return TextSpan(
        kind=found.get("Type", ""),
        text=found.get("Text", ""),
        score=round(found["Score"], 4),
        begin=part.begin + begin,
        end=part.begin + end,
    )


def _paid(operation: str, pieces: Iterable[TextChunk]) -> tuple[Charge, ...]:
    """Price requests: a unit is 100 characters, and each request counts for at least three."""
    units = sum(max(LEAST_UNITS, -(-len(part.content) // 100)) for part in pieces)
    return (charge("comprehend", operation_of(operation), units),)
