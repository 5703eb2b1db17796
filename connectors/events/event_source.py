"""What the bridge knows about one source of AWS events: how to recognise, parse and route its messages."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from headrace.connectors.events.decoding import JsonObject
from headrace.connectors.events.results import EventWithMetadata, Ignored

PayloadForm = Literal["record", "message", "event"]
"""A member of a `Records` array, a JSON message that a service publishes to SNS, or an EventBridge event."""

CarriedBy = Literal["s3", "sns", "eventbridge"]
"""The service that sends the source's messages to the queue."""

RequiredSetting = Literal["buckets", "topics", "sources"]
"""A setting that a queue of a sources file must have to carry the source."""


class QueueScope(Protocol):
    """The settings of a queue that an EventBridge pattern depends on."""

    @property
    def buckets(self) -> tuple[str, ...]: ...
    @property
    def prefix(self) -> str: ...
    @property
    def suffix(self) -> str: ...
    @property
    def sources(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class EventSource:
    """A source of events under the name that `carries` of a sources file uses.

    `matches` takes the source, the detail type and the top-level members of a message, as far as its form has them.
    `parse` returns None for a message that another source, or nothing, should handle. `pattern` builds the EventBridge
    rule of a queue.
    """

    name: str
    form: PayloadForm
    carried_by: CarriedBy
    matches: Callable[[str, str, Container[str]], bool]
    parse: Callable[[JsonObject, datetime], EventWithMetadata | Ignored | None]
    requirements: tuple[RequiredSetting, ...] = ()
    pattern: Callable[[QueueScope], Mapping[str, Any]] | None = None
