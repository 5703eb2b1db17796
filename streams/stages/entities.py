"""Detect named entities, such as people and places, in a text."""

from __future__ import annotations

from headrace.schemas.records import Asset, EntitiesDetected, Entity, Pointer
from headrace.schemas.topics import ENTITIES
from headrace.streams.service_results import TextSpans
from headrace.streams.stages._comprehend import MAX_CHARACTERS, marking_stage, most_confident


def entities_found(asset: Asset, detected: TextSpans, result: Pointer) -> EntitiesDetected:
    """Return the 20 most confident entities; all are stored at `result`."""
    entities = tuple(
        Entity(text=span.text[:MAX_CHARACTERS], kind=span.kind, score=span.score, begin=span.begin, end=span.end)
        for span in most_confident(detected)
    )
    return EntitiesDetected(
        asset=asset, entities=entities, count=len(detected.spans), result=result, charges=detected.charges
    )


STAGE = marking_stage("entities", ENTITIES, entities_found)
