"""What a message from AWS turns out to be: records, nothing for us, or something nobody can read."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.records import Event

EventWithMetadata = tuple[Event, EventMetadata]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The message tells of these events."""

    events: tuple[EventWithMetadata, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message is well-formed and tells of nothing. `notable` when a person should know of it all the same."""

    reason: str
    notable: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nobody can read the message, or not all of it: `facts` are of those parts that could be read.

    `code` is a short stable word; `why` is for people and quotes nothing from the message.
    """

    code: str
    reason: str
    events: tuple[EventWithMetadata, ...] = ()


ParseResult = Parsed | Ignored | Rejected


class ParseError(Exception):
    """Part of a message is not what its sender documents. The text names the part."""
