"""What a message from AWS turns out to be: records, nothing for us, or something nobody can read."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.envelope import Envelope
from schemas.records import Event

Fact = tuple[Event, Envelope]


@dataclass(frozen=True, slots=True)
class Translated:
    """The message tells of these events."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message is well-formed and tells of nothing, such as S3's test of a new configuration."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody can read the message. `code` is a short stable word; `why` is for people and quotes nothing from it."""

    code: str
    why: str


Translation = Translated | Ignored | Refused


class Unreadable(Exception):
    """Part of a message is not what its sender documents. The text names the part."""
