"""The result of parsing an AWS message: events, nothing to do, or an error."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.records import Event

EventWithMetadata = tuple[Event, EventMetadata]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The events of a message."""

    events: tuple[EventWithMetadata, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A well-formed message without events. `notable` if an operator should see it in the log."""

    reason: str
    notable: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """An unparseable message. `events` are those of its valid parts.

    `code` is a stable identifier; `reason` is text for operators without content of the message.
    """

    code: str
    reason: str
    events: tuple[EventWithMetadata, ...] = ()


ParseResult = Parsed | Ignored | Rejected


class ParseError(Exception):
    """Part of a message differs from the documentation of AWS. The text names the part."""
