"""Select the events whose text is searchable, and build their rows of `text_sources`. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.stage_texts import embedding_events, stage_texts
from headrace.console.kafka.entry import LogEntry
from headrace.schemas.records import (
    CelebritiesRecognised,
    DocumentAnalysed,
    EntitiesDetected,
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
    TextDetected,
)

_SOURCES = frozenset(
    (
        MediaUploaded,
        MediaThumbnailed,
        MediaTranscribed,
        MediaTranslated,
        MediaSummarised,
        MediaLabelled,
        MediaModerated,
        FacesDetected,
        CelebritiesRecognised,
        TextDetected,
        DocumentAnalysed,
        EntitiesDetected,
        PiiDetected,
        LanguageDetected,
    )
)


def text_of(entry: LogEntry, fact: AssetEvent) -> tuple[str, str, tuple[Any, ...]] | None:
    """Return the stage, the variant and the row of an event with searchable text; None for other events.

    A stage has one source per variant: the target language of a translation, else empty.
    """
    event: Any = entry.event
    if not any(type(event) in kinds for kinds in (_SOURCES, stage_texts(), embedding_events())):
        return None
    variant = event.target if type(event) is MediaTranslated else ""
    row = (event.EVENT, fact.id, msgspec.msgpack.encode(event), fact.at)
    return fact.stage, variant, row
