"""Summaries of events in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from headrace.console.terminal.formatting import format_bytes, pluralize
from headrace.schemas import records
from headrace.schemas.records import Event, Label, Pointer

EXCERPT = 40
NO_WORDS = "no words"
"""The summary of a transcript of audio without speech."""


def summarize(event: Event | None) -> str:
    """Summarize the result of an event in a few words; empty if it has none."""
    return _SUMMARIES.get(type(event), _count)(event)


def result_location(event: Event | None) -> str | None:
    """Return the location of an event's result, `s3://bucket/key`; None without one."""
    match event:
        case records.MediaThumbnailed(pictures=(first, *_)):
            return pointer_url(first.location)
        case records.MediaTranscoded(files=(file, *_)):
            return f"s3://{file.bucket}/{file.key}"
        case records.MediaVoiced():
            return f"s3://{event.bucket}/{event.key}"
    pointer = getattr(event, "text", None) or getattr(event, "result", None)
    return pointer_url(pointer) if isinstance(pointer, Pointer) else None


def pointer_url(pointer: Pointer) -> str:
    """Format a pointer as `s3://bucket/key`."""
    return f"s3://{pointer.bucket}/{pointer.key}"


def _count(event: Any) -> str:
    count = getattr(event, "count", None)
    return "" if count is None else f"{count} found"


def _technical(event: records.MediaProbed | records.MediaReady) -> str:
    shape = f"{event.width}x{event.height}" if event.width and event.height else ""
    length = f"{event.duration_seconds:.1f} s" if event.duration_seconds else ""
    codecs = "+".join(codec for codec in (event.video_codec, event.audio_codec) if codec)
    return " ".join(part for part in (event.kind, shape, length, codecs or event.format) if part)


def _names(labels: Iterable[Label], count: int) -> str:
    shown = [label.name for label in labels][:3]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 and shown else "")


def _several(texts: Iterable[str], count: int, nothing: str) -> str:
    shown = list(dict.fromkeys(texts))[:3]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 and shown else "") or nothing


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= EXCERPT else one_line[:EXCERPT].rsplit(" ", 1)[0] + " …"


def _segments(event: records.MediaSegmented) -> str:
    kinds = Counter(segment.kind for segment in event.segments)
    return ", ".join(pluralize(number, kind.lower()) for kind, number in kinds.items()) or "no segment"


def _faces(event: records.FacesDetected) -> str:
    ages = [f"{face.age_low}-{face.age_high}" for face in event.faces if face.age_low is not None]
    return pluralize(event.count, "face") + (f", the surest {ages[0]} years old" if ages else "")


def _files(event: records.MediaTranscoded) -> str:
    return ", ".join(
        f"{file.role} {file.width}x{file.height}" if file.width and file.height else file.role for file in event.files
    )


def _speech(event: records.MediaTranscribed) -> str:
    if not event.words:
        return NO_WORDS
    return f"{pluralize(event.words, 'word')} {event.language}: {_short(event.excerpt)}"


def _job_end(event: records.JobFinished) -> str:
    return f"{event.status}: {event.message}" if event.message else event.status


def _completion(event: records.MediaCompleted) -> str:
    return f"{len(event.succeeded)} done" + (f", {len(event.failed)} failed" if event.failed else "")


_SUMMARIES: dict[type, Callable[[Any], str]] = {
    records.MediaUploaded: lambda event: format_bytes(event.asset.size),
    records.MediaThumbnailed: lambda event: pluralize(len(event.pictures), "picture"),
    records.MediaScanned: lambda event: f"harmless {event.content_type}",
    records.MediaProbed: _technical,
    records.MediaReady: _technical,
    records.MediaLabelled: lambda event: _names(event.labels, event.label_count) or "nothing recognised",
    records.MediaModerated: lambda event: _names(event.flags, event.flag_count) or "nothing unsafe",
    records.MediaTranscribed: _speech,
    records.MediaTranscoded: _files,
    records.FacesDetected: _faces,
    records.TextDetected: lambda event: _several((line.text for line in event.lines), event.count, "no text"),
    records.MediaSegmented: _segments,
    records.CelebritiesRecognised: lambda event: _several(
        (who.name for who in event.celebrities), event.count, "no celebrities"
    ),
    records.DocumentAnalysed: lambda event: f"{pluralize(event.pages, 'page')}: {_short(event.excerpt)}",
    records.EntitiesDetected: lambda event: _several((name.text for name in event.entities), event.count, "no name"),
    records.KeyPhrasesDetected: lambda event: _several((each.text for each in event.phrases), event.count, "no phrase"),
    records.SentimentDetected: lambda event: f"{event.sentiment.lower()} ({event.positive:.0%} positive)",
    records.LanguageDetected: lambda event: ", ".join(f"{one.language} {one.score:.0%}" for one in event.languages),
    records.PiiDetected: lambda event: _several(event.kinds, len(event.kinds), "nothing personal"),
    records.MediaTranslated: lambda event: f"{event.source} to {event.target}: {_short(event.excerpt)}",
    records.MediaVoiced: lambda event: f"{event.voice} reads {pluralize(event.characters, 'character')}",
    records.MediaSummarised: lambda event: _short(event.summary),
    records.JobStarted: lambda event: f"job {event.job_id}",
    records.JobFinished: _job_end,
    records.MediaCompleted: _completion,
}
