"""The common part of the stages that detect spans in a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headrace.schemas.records import Asset, Event, Pointer
from headrace.schemas.topics import DOCUMENTS, TRANSCRIBED, Topic
from headrace.streams.handlers import Transform
from headrace.streams.service_results import TextSpans
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._text import HAS_WORDS, text_of
from headrace.streams.text_features import TEXT_FEATURES, SpanFeature

DescribeSpans = Callable[[Asset, TextSpans, Pointer], Event]

MAX_SPANS = 20
MAX_CHARACTERS = 100


def marking_stage(feature: SpanFeature, writes: Topic, describe: DescribeSpans) -> Stage:
    """Build a stage that detects spans of one kind in a text; `describe` creates its event."""

    async def detect(record: Any, services: Services) -> Event:
        text = await text_of(record, services)
        detected = await services.language.detect_spans(feature, text.content, text.language)
        content = msgspec.json.encode(detected.spans)
        pointer = await services.blobs.put_blob(record.asset, f"{feature}@1.answer.json", content, "application/json")
        return describe(record.asset, detected, pointer)

    return Stage(
        feature,
        reads=(TRANSCRIBED, DOCUMENTS),
        writes=writes,
        when=HAS_WORDS,
        handler=Transform(detect),
        paid_operations=(TEXT_FEATURES[feature].paid_operation,),
    )


def most_confident(detected: TextSpans) -> list[Any]:
    """Return at most 20 spans by descending confidence, each text once."""
    best: dict[str, Any] = {}
    for span in sorted(detected.spans, key=lambda span: (-span.score, span.begin)):
        best.setdefault(span.text.casefold(), span)
    return list(best.values())[:MAX_SPANS]
