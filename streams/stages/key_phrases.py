"""Detect the key phrases of a text."""

from __future__ import annotations

from headrace.schemas.records import Asset, KeyPhrasesDetected, Phrase, Pointer
from headrace.schemas.topics import KEY_PHRASES
from headrace.streams.service_results import TextSpans
from headrace.streams.stages._comprehend import MAX_CHARACTERS, marking_stage, most_confident


def key_phrases_found(asset: Asset, detected: TextSpans, result: Pointer) -> KeyPhrasesDetected:
    """Return the 20 most confident phrases; all are stored at `result`."""
    phrases = tuple(
        Phrase(text=span.text[:MAX_CHARACTERS], score=span.score, begin=span.begin, end=span.end)
        for span in most_confident(detected)
    )
    return KeyPhrasesDetected(
        asset=asset, phrases=phrases, count=len(detected.spans), result=result, charges=detected.charges
    )


STAGE = marking_stage("key-phrases", KEY_PHRASES, key_phrases_found)
