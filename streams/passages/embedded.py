"""The stored result of embedding a text: its passages with their vectors, as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.embeddings import EmbeddingModel
from headrace.streams.passages.passage import Passage, PassageKind

MOST_EMBEDDED = 20_000
"""Passages of one result: about 30 hours of speech, 57 MB with 1,024 dimensions. The rest is not embedded."""


class EmbeddedPassage(msgspec.Struct, frozen=True, array_like=True):
    """A passage, its time in seconds or its page, and its vector as `headrace.streams.passages.vectors` packs it."""

    text: str
    vector: bytes
    start: float | None = None
    end: float | None = None
    page: int | None = None


class EmbeddedText(msgspec.Struct, frozen=True):
    """The passages of a text; `kind` is that of the passages, such as transcript or page."""

    model: str
    dimensions: int
    kind: PassageKind
    language: str
    passages: tuple[EmbeddedPassage, ...]


def embedded_passages(content: bytes) -> Iterator[Passage]:
    """Yield the passages of a stored result, each with its vector.

    Raises:
        ValueError: the content is not such a result.
    """
    text = read_embedded(content)
    model = str(EmbeddingModel(text.model, text.dimensions))
    for each in text.passages:
        yield Passage(
            "vector",
            each.text,
            name=text.kind,
            category=model,
            language=text.language,
            start=each.start,
            end=each.end,
            page=each.page,
            vector=each.vector,
        )


def read_embedded(content: bytes) -> EmbeddedText:
    """Decode a stored result.

    Raises:
        InvalidValueError: the content is not such a result.
    """
    text = parse_struct(content, EmbeddedText)
    if any(len(each.vector) != 2 * text.dimensions for each in text.passages):
        raise InvalidValueError(f"a vector does not have {text.dimensions} dimensions")
    return text
