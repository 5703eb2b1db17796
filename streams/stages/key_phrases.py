"""Find the phrases that carry a text's meaning."""

from __future__ import annotations

from headrace.schemas.records import Asset, KeyPhrasesDetected, Phrase, Pointer
from headrace.schemas.topics import KEY_PHRASES
from headrace.streams.service_results import Marks
from headrace.streams.stages._comprehend import LONGEST, marking_stage, surest


def key_phrases_found(asset: Asset, found: Marks, result: Pointer) -> KeyPhrasesDetected:
    """Sum up the surest 20 phrases; all of them lie at `result`."""
    phrases = tuple(
        Phrase(text=mark.text[:LONGEST], score=mark.score, begin=mark.begin, end=mark.end) for mark in surest(found)
    )
    return KeyPhrasesDetected(
        asset=asset, phrases=phrases, count=len(found.marks), result=result, charges=found.charges
    )


STAGE = marking_stage("key-phrases", KEY_PHRASES, key_phrases_found)
