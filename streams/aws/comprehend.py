"""`streams.services.Language` over Amazon Comprehend.

Long texts are split into chunks; the offsets of the results refer to the whole text.
Sizes and languages are from `streams.limits.service_inputs`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from headrace.schemas.records import Charge
from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import PriceList, operation_of
from headrace.streams.limits.input_check import supported_language
from headrace.streams.limits.service_inputs import text_rule
from headrace.streams.media.text_chunks import TextChunk, split_text
from headrace.streams.service_results import (
    LanguageResult,
    SentimentResult,
    TextSpan,
    TextSpans,
)
from headrace.streams.settings import StreamSettings
from headrace.streams.text_features import TEXT_FEATURES, SpanFeature, TextFeatureSpec

MIN_UNITS = 3
SENTIMENTS = ("Positive", "Negative", "Neutral", "Mixed")


class Comprehend:
    """Analyses text with Comprehend."""

    def __init__(self, aws: AwsClient, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._settings = settings
        self._prices = prices

    async def detect_spans(self, feature: SpanFeature, text: str, language: str) -> TextSpans:
        """Return entities, key phrases or personal data; personal data has offsets only."""
        spec = TEXT_FEATURES[feature]
        code = self._supported(language, spec.method)
        chunks = _chunks(spec.method, text)
        spans: list[TextSpan] = []
        for chunk in chunks:
            answer = await self._aws.call("comprehend", spec.method, Text=chunk.content, LanguageCode=code)
            spans += (_span(each, chunk) for each in answer[spec.field])
        return TextSpans(tuple(spans), self._paid(spec, chunks))

    async def detect_sentiment(self, text: str, language: str) -> SentimentResult:
        """Return the sentiment, averaged over the chunks by their length."""
        spec = TEXT_FEATURES["sentiment"]
        code = self._supported(language, spec.method)
        chunks = _chunks(spec.method, text)
        shares: dict[str, float] = defaultdict(float)
        answers = []
        for chunk in chunks:
            answer = await self._aws.call("comprehend", spec.method, Text=chunk.content, LanguageCode=code)
            answers.append({"begin": chunk.begin, "sentiment": answer["Sentiment"], "scores": answer[spec.field]})
            for name in SENTIMENTS:
                shares[name] += answer[spec.field][name] * len(chunk.content)
        whole = sum(len(chunk.content) for chunk in chunks) or 1
        scores = {name.lower(): round(share / whole, 4) for name, share in shares.items()}
        return SentimentResult(**scores, answer=json.dumps(answers).encode(), charges=self._paid(spec, chunks))

    async def detect_languages(self, text: str) -> LanguageResult:
        """Detect the languages of the first chunk of a text."""
        spec = TEXT_FEATURES["language"]
        chunks = _chunks(spec.method, text)[:1]
        answer = await self._aws.call("comprehend", spec.method, Text=chunks[0].content)
        languages = sorted(answer[spec.field], key=lambda each: -each["Score"])
        shares = tuple((each["LanguageCode"], round(each["Score"], 4)) for each in languages)
        return LanguageResult(shares, json.dumps(languages).encode(), self._paid(spec, chunks))

    def _paid(self, spec: TextFeatureSpec, chunks: Iterable[TextChunk]) -> tuple[Charge, ...]:
        """Return the charge: a unit is 100 characters, and a request has at least three units."""
        units = sum(max(MIN_UNITS, -(-len(chunk.content) // 100)) for chunk in chunks)
        return (self._prices.charge("comprehend", operation_of(spec.method), units),)

    def _supported(self, language: str, operation: str) -> str:
        code = language or self._settings.language or "en"
        return supported_language("comprehend", operation_of(operation), code)


def _chunks(operation: str, text: str) -> list[TextChunk]:
    """Split a text into chunks that the operation accepts."""
    rule = text_rule("comprehend", operation_of(operation))
    return list(split_text(text, rule.max_bytes or len(text.encode())))


def _span(found: dict[str, Any], chunk: TextChunk) -> TextSpan:
    begin, end = found["BeginOffset"], found["EndOffset"]
    return TextSpan(
        kind=found.get("Type", ""),
        text=found.get("Text", ""),
        score=round(found["Score"], 4),
        begin=chunk.begin + begin,
        end=chunk.begin + end,
    )
