"""Find names of people, places and things in a text."""

from __future__ import annotations

from headrace.schemas.records import Asset, EntitiesDetected, Entity, Pointer
from headrace.schemas.topics import ENTITIES
from headrace.streams.service_results import TextSpans
from headrace.streams.stages._comprehend import LONGEST, marking_stage, most_confident


def entities_found(asset: Asset, found: TextSpans, result: Pointer) -> EntitiesDetected:
    """Sum up the surest 20 names; all of them lie at `result`."""
    names = tuple(
        Entity(text=mark.text[:LONGEST], kind=mark.kind, score=mark.score, begin=mark.begin, end=mark.end)
        for mark in most_confident(found)
    )
    return EntitiesDetected(asset=asset, entities=names, count=len(found.spans), result=result, charges=found.charges)


STAGE = marking_stage("entities", ENTITIES, entities_found)
