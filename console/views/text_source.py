"""Select the events whose text is searchable. Pure."""

from __future__ import annotations

from dataclasses import dataclass

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
    TextDetected,
)

_SOURCES = (
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


@dataclass(frozen=True, slots=True)
class TextSource:
    """A searchable event. A stage has one per `variant`: the target language of a translation, else empty."""

    variant: str = ""


def text_source(event: Event) -> TextSource | None:
    """Return the source of an event; None if it has no searchable text."""
    if not isinstance(event, _SOURCES):
        return None
    return TextSource(event.target if isinstance(event, MediaTranslated) else "")
