"""What every stage has in common that marks places in a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headrace.schemas.records import Asset, Event, Pointer
from headrace.schemas.topics import DOCUMENTS, TRANSCRIBED, Topic
from headrace.streams.service_results import TextFeature, TextSpans
from headrace.streams.services import Services
from headrace.streams.stage import Stage, Transform
from headrace.streams.stages._text import HAS_WORDS, text_of

DescribeSpans = Callable[[Asset, TextSpans, Pointer], Event]

OPERATIONS: dict[TextFeature, str] = {
    "entities": "detect_entities",
    "key-phrases": "detect_key_phrases",
    "pii": "detect_pii_entities",
}
SHOWN = 20
LONGEST = 100


def marking_stage(feature: TextFeature, writes: Topic, describe: DescribeSpans) -> Stage:
    """Build the stage that looks for one kind of thing in texts; `describe` makes its event of what was found."""

    async def mark(record: Any, services: Services) -> Event:
        text = await text_of(record, services)
        found = await services.language.detect_spans(feature, text.content, text.language)
        whole = msgspec.json.encode(found.spans)
        place = await services.blobs.put_blob(record.asset, f"{feature}@1.answer.json", whole, "application/json")
        return describe(record.asset, found, place)

    return Stage(
        feature,
        reads=(TRANSCRIBED, DOCUMENTS),
        writes=writes,
        when=HAS_WORDS,
        handler=Transform(mark),
        paid_operations=(f"comprehend.{OPERATIONS[feature]}",),
    )


def most_confident(found: TextSpans) -> list[Any]:
    """Give the surest marks, each text once, surest first."""
    best: dict[str, Any] = {}
    for mark in sorted(found.spans, key=lambda mark: (-mark.score, mark.begin)):
        best.setdefault(mark.text.casefold(), mark)
    return list(best.values())[:SHOWN]
