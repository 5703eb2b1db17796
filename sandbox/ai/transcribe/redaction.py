"""Redact personal data in speech: each instance becomes one item `[PII]`. It is found by pattern, without a model.

Source: Amazon Transcribe Developer Guide, "Redacting PII in your batch job".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import groupby

from headrace.sandbox.ai.framework import pii
from headrace.sandbox.ai.framework.text_analysis import TextMatch
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, SpokenSegment, TimedWord, timed_words

ALL = "ALL"
PII = "[PII]"
MARKS = ".,!?:;…"


def redact(speech: RecognizedSpeech, types: Collection[str] = (ALL,)) -> RecognizedSpeech:
    """Return the speech without personal data of these types."""
    return replace(speech, segments=tuple(_redacted(segment, types) for segment in speech.segments))


def _redacted(segment: SpokenSegment, types: Collection[str]) -> SpokenSegment:
    matches = [match for match in pii.find(segment.text) if ALL in types or match.kind in types]
    words = tuple(_replaced(timed_words(segment), matches))
    return replace(segment, text=" ".join(word.text for word in words), words=words)


def _replaced(words: tuple[TimedWord, ...], matches: list[TextMatch]) -> Iterator[TimedWord]:
    """Replace the words of each match by one item with their time; punctuation after it is kept."""
    placed, at = [], 0
    for word in words:
        covering = (match for match in matches if match.begin < at + len(word.text) and at < match.end)
        placed.append((word, next(covering, None)))
        at += len(word.text) + 1
    for match, group in groupby(placed, lambda each: each[1]):
        members = [word for word, _ in group]
        if match is None:
            yield from members
            continue
        last = members[-1].text
        marks = last[len(last.rstrip(MARKS)) :]
        yield TimedWord(PII + marks, members[0].start, members[-1].end, match.kind)
