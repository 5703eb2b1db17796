"""The form of the table of what services accept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Encoding:
    """Content types that share limits, which narrow those of the rule. An empty set of codecs accepts all."""

    content_types: frozenset[str]
    max_bytes: int
    video_codecs: frozenset[str] = frozenset()
    audio_codecs: frozenset[str] = frozenset()
    max_pages: int | None = None
    min_side: int = 0
    max_side: int | None = None


@dataclass(frozen=True, slots=True)
class MediaRule:
    """The files that operations accept: sides in pixels, times in seconds. `key` is a pattern of the whole key."""

    service: str
    operations: tuple[str, ...]
    source: str
    encodings: tuple[Encoding, ...]
    min_side: int = 0
    max_side: int | None = None
    min_seconds: float = 0.0
    max_seconds: float | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class TextRule:
    """The texts that operations accept. `variants` maps codes of other services to the code of this one."""

    service: str
    operations: tuple[str, ...]
    source: str
    max_bytes: int | None = None
    max_characters: int | None = None
    max_tokens: int | None = None
    languages: frozenset[str] = frozenset()
    variants: Mapping[str, str] | None = None
