"""The searchable text of an event, as the stage that emits the event declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SearchNameKind = Literal["label", "moderation", "celebrity", "person", "fault"]
"""Kinds of names, which filters compare as a whole.

The text of a `person` is the id of a face, and its category the id of another face of that person.
A `fault` is a technical one, such as `black` or `loudness`; its category says whether the file `failed` because of it.
"""

SearchProseKind = Literal["description", "chapter", "transcript", "page", "translation", "summary", "text-in-video"]
"""Kinds of texts, which are split into sentences."""


@dataclass(frozen=True, slots=True)
class SearchText:
    """A name or a text of an event. Times are in seconds, `confidence` is from 0 to 100.

    `category` is what a name belongs to, such as the parent of a label. `page` is the number of the page of a text.
    """

    kind: SearchNameKind | SearchProseKind
    text: str
    category: str = ""
    confidence: float | None = None
    start: float | None = None
    end: float | None = None
    page: int | None = None
