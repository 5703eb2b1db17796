"""Turn events and their stored results into passages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import get_args

from headrace.console.assets.stage_texts import embedding_events, stage_texts, stored_texts
from headrace.console.search import detections as seen
from headrace.schemas.records import (
    CelebritiesRecognised,
    DocumentAnalysed,
    EntitiesDetected,
    Event,
    FacesDetected,
    LanguageDetected,
    MediaLabelled,
    MediaModerated,
    MediaSummarised,
    MediaThumbnailed,
    MediaTranscribed,
    MediaTranslated,
    MediaUploaded,
    PiiDetected,
    Pointer,
    TextDetected,
)
from headrace.streams.passages import speech_text as spoken
from headrace.streams.passages.embedded import embedded_passages
from headrace.streams.passages.passage import Passage, PassageKind, filter_name
from headrace.streams.search_text import SearchNameKind, SearchText

MOST_PASSAGES = 50_000
"""Passages of one result: about 100 hours of speech. The rest is not searchable."""

_VISION: dict[type[Event], PassageKind] = {
    MediaLabelled: "label",
    MediaModerated: "moderation",
    FacesDetected: "face",
    CelebritiesRecognised: "celebrity",
    TextDetected: "text-in-video",
}


def stored_result(event: Event) -> Pointer | None:
    """Return the stored result with the text of an event; None if the event contains all of it."""
    if type(event) in embedding_events() or type(event) in stored_texts():
        pointer: Pointer = event.result  # type: ignore[union-attr]
        return pointer
    match event:
        case MediaTranscribed(no_speech=False) | MediaSummarised() | DocumentAnalysed():
            return event.result
        case MediaTranslated():
            return event.subtitles or event.text
        case MediaLabelled(label_count=count) | MediaModerated(flag_count=count) if count:
            return event.result
        case FacesDetected(count=count) | CelebritiesRecognised(count=count) | TextDetected(count=count) if count:
            return event.result
        case EntitiesDetected(count=count) if count:
            return event.result
    return None


def passages_of_result(event: Event, content: bytes) -> list[Passage]:
    """Return the passages of a stored result.

    Raises:
        ValueError: the content is not a result of this kind.
    """
    return list(islice(_of_result(event, content), MOST_PASSAGES))


def passages_of_event(event: Event) -> list[Passage]:
    """Return the passages of an event alone: all of a small result, the beginning of a large one."""
    declared = stage_texts().get(type(event))
    found = _of_event(event) if declared is None else _declared(declared(event))
    return list(islice(found, MOST_PASSAGES))


def _of_result(event: Event, content: bytes) -> Iterator[Passage]:
    match event:
        case MediaTranscribed(language=language):
            yield from spoken.transcript_passages(content, language.lower())
        case MediaTranslated(target=target, subtitles=None):
            yield from spoken.text_passages(content.decode(errors="replace"), "translation", target.lower())
        case MediaTranslated(target=target):
            yield from spoken.subtitle_passages(content, "translation", target.lower())
        case MediaSummarised():
            yield from spoken.text_passages(content.decode(errors="replace"), "summary")
        case DocumentAnalysed():
            yield from spoken.page_passages(content)
        case EntitiesDetected():
            yield from seen.entity_passages(content)
        case _ if type(event) in embedding_events():
            yield from embedded_passages(content)
        case _ if declared := stored_texts().get(type(event)):
            yield from _declared(declared(content))
        case _:
            yield from seen.vision_passages(content, _VISION[type(event)])


def _declared(texts: Iterable[SearchText]) -> Iterator[Passage]:
    """Yield the passages of the texts that a stage declares: each name, and the sentences of each text."""
    for each in texts:
        parts: Iterable[Passage] = (
            [seen.named_passage(each.kind, each.text, each.confidence, each.category)]
            if each.kind in get_args(SearchNameKind)
            else spoken.text_passages(each.text, each.kind)
        )
        for part in parts:
            yield replace(part, start=each.start, end=each.end, confidence=each.confidence, page=each.page)


def _of_event(event: Event) -> Iterator[Passage]:
    match event:
        case MediaUploaded(asset=asset):
            yield Passage("name", asset.key)
        case MediaThumbnailed(pictures=pictures):
            for picture in pictures:
                location = f"s3://{picture.location.bucket}/{picture.location.key}"
                yield Passage("thumbnail", location, start=picture.at_seconds)
        case MediaTranscribed(language=language, excerpt=excerpt):
            yield from spoken.text_passages(excerpt, "transcript", language.lower())
        case MediaTranslated(target=target, excerpt=excerpt):
            yield from spoken.text_passages(excerpt, "translation", target.lower())
        case MediaSummarised(summary=summary):
            yield from spoken.text_passages(summary, "summary")
        case DocumentAnalysed(excerpt=excerpt):
            yield from spoken.text_passages(excerpt, "page")
        case _:
            yield from _detections_of_event(event)


def _detections_of_event(event: Event) -> Iterator[Passage]:
    match event:
        case MediaLabelled(labels=labels) | MediaModerated(flags=labels):
            kind = _VISION[type(event)]
            yield from (seen.named_passage(kind, each.name, each.confidence, each.parent) for each in labels)
        case CelebritiesRecognised(celebrities=people):
            for person in people:
                yield seen.named_passage("celebrity", person.name, person.confidence, at=person.at_seconds)
        case FacesDetected(faces=faces):
            yield from (seen.face_passage(each.emotion or "", each.confidence, each.at_seconds) for each in faces)
        case TextDetected(lines=lines):
            yield from (seen.seen_text(each.text, each.confidence, each.at_seconds) for each in lines)
        case EntitiesDetected(entities=entities):
            yield from (seen.entity_passage(each.text, each.kind, each.score) for each in entities)
        case PiiDetected(kinds=kinds):
            yield from (Passage("pii", kind, filter_name(kind)) for kind in kinds)
        case LanguageDetected(languages=languages):
            for share in languages:
                name = filter_name(share.language)
                yield Passage("language", name, name, language=name, confidence=round(share.score * 100, 2))
