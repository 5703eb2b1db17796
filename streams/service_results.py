"""Vendor-independent results of the AI services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.schemas.records import Charge, Rendition

DocumentFeature = Literal["FORMS", "TABLES"]


@dataclass(frozen=True, slots=True)
class VisionResult:
    """All detections of a feature, and the complete response as JSON.

    Segments are in order of time, all other detections by descending confidence.
    """

    detections: Sequence[Any]
    model: str
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """Language and text of speech, the complete response as JSON, and WebVTT subtitles if there are any."""

    language: str
    text: str
    answer: bytes
    subtitles: bytes | None
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A form field: its label and its value, which is empty if the field is not filled in."""

    page: int
    key: str
    value: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table as rows of cells."""

    page: int
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields and tables of a document, in the order of its pages."""

    fields: tuple[Field, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The number of pages and the text of a document, and the complete response as JSON.

    `form` is set if forms or tables were requested. `missing` has the numbers of pages that the service did not read.
    """

    count: int
    text: str
    answer: bytes
    charges: tuple[Charge, ...]
    form: Form | None = None
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A detected span of a text; `begin` and `end` are character offsets."""

    kind: str
    text: str
    score: float
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TextSpans:
    """All detected spans, in order of the text."""

    spans: tuple[TextSpan, ...]
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class SentimentResult:
    """Sentiment scores from 0 to 1, and the response for each part of the text as JSON."""

    positive: float
    negative: float
    neutral: float
    mixed: float
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class LanguageResult:
    """Languages with scores from 0 to 1, highest first, and the complete response as JSON."""

    shares: tuple[tuple[str, float], ...]
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """The translated texts in the order of the source texts, and the source language."""

    texts: tuple[str, ...]
    source: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class SpeechFile:
    """The location of synthesised speech."""

    bucket: str
    key: str
    characters: int
    voice: str
    language: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """The output of a language model, and its token counts."""

    text: str
    input_tokens: int
    output_tokens: int
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class TranscodeResult:
    """The output files of a transcoding job."""

    files: tuple[Rendition, ...]
    charges: tuple[Charge, ...]
