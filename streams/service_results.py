"""What services answer, in words of the job and not of the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.schemas.records import Charge, Rendition

TextFeature = Literal["entities", "key-phrases", "pii"]
DocumentFeature = Literal["FORMS", "TABLES"]


@dataclass(frozen=True, slots=True)
class VisionResult:
    """What a vision service saw: records of the feature's own kind, all of them, and its whole answer as JSON.

    Labels, faces, lines and celebrities come surest first, segments in the order of time.
    """

    detections: Sequence[Any]
    model: str
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a speech service heard: language, text, its whole answer as JSON, and WebVTT subtitles if it made some."""

    language: str
    text: str
    answer: bytes
    subtitles: bytes | None
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: what is asked and what was filled in, empty where nothing was."""

    page: int
    key: str
    value: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table, row by row."""

    page: int
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields and tables of a document, in the order of its pages."""

    fields: tuple[Field, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What was read in a document: how many pages, their text, and the service's whole answer as JSON.

    Fields of forms and tables are there where they were asked for.
    """

    count: int
    text: str
    answer: bytes
    charges: tuple[Charge, ...]
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A stretch of a text that says something; `begin` and `end` count characters of the whole text."""

    kind: str
    text: str
    score: float
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TextSpans:
    """All that a language service marked in a text, in the order of the text."""

    spans: tuple[TextSpan, ...]
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class SentimentResult:
    """How positive, negative, neutral and mixed a text is, each from 0 to 1, and the answer for each part as JSON."""

    positive: float
    negative: float
    neutral: float
    mixed: float
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class LanguageResult:
    """The languages of a text with their shares from 0 to 1, likeliest first, and the whole answer as JSON."""

    shares: tuple[tuple[str, float], ...]
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """Texts in another language, one for each that was given, and the language that they were in."""

    texts: tuple[str, ...]
    source: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class SpeechFile:
    """Where a text lies that was read out."""

    bucket: str
    key: str
    characters: int
    voice: str
    language: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a language model wrote, and the tokens that it took."""

    text: str
    input_tokens: int
    output_tokens: int
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class TranscodeResult:
    """The files that a conversion made."""

    files: tuple[Rendition, ...]
    charges: tuple[Charge, ...]
