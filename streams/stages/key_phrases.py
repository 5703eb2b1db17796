"""Find the phrases that carry a text's meaning."""

from __future__ import annotations

from headrace.schemas.records import Asset, KeyPhrasesDetected, Phrase, Pointer
from headrace.schemas.topics import KEY_PHRASES
from headrace.streams.service_results import TextSpans
from headrace.streams.stages._comprehend import LONGEST, marking_stage, most_confident


def key_phrases_found(asset: Asset, found: TextSpans, result: Pointer) -> KeyPhrasesDetected:
    """Sum up the surest 20 phrases; all of them lie at `result`."""
    phrases = tuple(
        Phrase(text=mark.text[:LONGEST], score=mark.score, begin=mark.begin, end=mark.end)
        for mark in most_confident(found)
    )
    return KeyPhrasesDetected(
        asset=asset, phrases=phrases, count=len(found.spans), result=result, charges=found.charges
    )


STAGE = marking_stage("key-phrases", KEY_PHRASES, key_phrases_found)
