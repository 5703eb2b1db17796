"""Write Transcribe's output files: the JSON transcript, and subtitles as WebVTT and SubRip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, SpokenSegment, TimedWord, timed_words

_WORD = re.compile(r"(\S*?)([.,!?:;…]*)$")


def document(
    job_name: str, account: str, speech: RecognizedSpeech, language: str, is_redacted: bool | None = None
) -> dict[str, Any]:
    """Return the transcript in the format of AWS; `results` also has the source and a synthetic mark.

    `is_redacted` is None for a job without redaction.
    """
    items: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    for segment in speech.segments:
        first = len(items)
        items += ({"id": number, **item} for number, item in enumerate(_items(segment, speech.synthetic), first))
        segments.append(_audio_segment(segment, len(segments), range(first, len(items))))
    results = {
        "transcripts": [{"transcript": " ".join(segment.text for segment in speech.segments)}],
        "items": items,
        "audio_segments": segments,
        "language_code": language,
        "synthetic": speech.synthetic,
        "engine": speech.engine,
    }
    redaction = {} if is_redacted is None else {"isRedacted": is_redacted}
    return {"jobName": job_name, "accountId": account, **redaction, "status": "COMPLETED", "results": results}


def webvtt(segments: tuple[SpokenSegment, ...], _first: int) -> str:
    """Return the segments as WebVTT; its cues need no numbers."""
    cues = (f"{_stamp(s.start, '.')} --> {_stamp(s.end, '.')}\n{s.text}\n" for s in segments)
    return "\n".join(["WEBVTT\n", *cues])


def subrip(segments: tuple[SpokenSegment, ...], first: int) -> str:
    """Return the segments as SubRip, numbered from `first`."""
    numbered = enumerate(segments, first)
    return "\n".join(f"{n}\n{_stamp(s.start, ',')} --> {_stamp(s.end, ',')}\n{s.text}\n" for n, s in numbered)


SUBTITLES = {"vtt": webvtt, "srt": subrip}


def _audio_segment(segment: SpokenSegment, number: int, items: range) -> dict[str, Any]:
    return {
        "id": number,
        "transcript": segment.text,
        "start_time": f"{segment.start:.3f}",
        "end_time": f"{segment.end:.3f}",
        "items": list(items),
    }


def _items(segment: SpokenSegment, synthetic: bool) -> Iterator[dict[str, Any]]:
    """Yield words and punctuation."""
    for word in timed_words(segment):
        content, marks = _WORD.fullmatch(word.text).groups()  # type: ignore[union-attr]  # it matches any word
        if content:
            yield {
                "type": "pronunciation",
                "alternatives": [_alternative(word, content, "0.0" if synthetic else f"{segment.sure:.3g}")],
                "start_time": f"{word.start:.3f}",
                "end_time": f"{word.end:.3f}",
            }
        if marks:
            yield {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": marks}]}


def _alternative(word: TimedWord, content: str, confidence: str) -> dict[str, Any]:
    """Return the content of an item. Redacted content has the confidence and type of the personal data."""
    if not word.redacted:
        return {"confidence": confidence, "content": content}
    return {"content": content, "redactions": [{"confidence": "0.95", "category": "PII", "type": word.redacted}]}


def _stamp(seconds: float, point: str) -> str:
    millis = round(seconds * 1000)
    hours, rest = divmod(millis, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"
