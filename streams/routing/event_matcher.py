"""Match records against many patterns, without decoding what no pattern tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.schemas.cloudevents import from_headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import AwsEvent
from headrace.schemas.serde.codec import Codec
from headrace.schemas.serde.field_decoder import FieldDecoder
from headrace.schemas.serde.reader_source import Selection
from headrace.streams.routing.event_format import eventbridge_fields, headrace_fields
from headrace.streams.rules import Index, Pattern

_RESOURCES = ("detail.asset.bucket", "detail.asset.key")
"""The fields from which the `resources` of an event are built."""


class EventMatcher:
    """Returns the names of the patterns that match a record, in the EventBridge event format."""

    def __init__(self, patterns: Mapping[str, Pattern], codec: Codec) -> None:
        self._index = Index(patterns)
        paths = {clause.path for pattern in patterns.values() for clauses in pattern.sets for clause in clauses}
        roots = {path.partition(".")[0] for path in paths}
        self._needs_headrace = "headrace" in roots
        self._decoder = FieldDecoder(codec, _selection(paths.union(_RESOURCES)), whole=(AwsEvent.EVENT,))

    def match(self, record: ConsumerRecord) -> tuple[str, ...]:
        """Return the names of all patterns that match a record.

        Raises:
            DecodeError: The value is not a Headrace record.
            InvalidEventError: The headers are not those of an event.
            RegistryUnavailableError: The schema registry does not respond.
        """
        kind, fields = self._decoder.decode(record.value)
        envelope = from_headers(record.headers)
        event = eventbridge_fields(kind, fields, envelope)
        if self._needs_headrace:
            event = {**event, "headrace": headrace_fields(record, envelope)}
        return tuple(self._index.match(event))


def _selection(paths: Iterable[str]) -> Selection:
    """Return the fields of a record that the paths of an event read; None if they read the whole record."""
    root: dict[str, Any] = {}
    for path in paths:
        first, *steps = path.split(".")
        if first == "detail":
            if not steps:
                return None
            _select(root, steps)
    return root


def _select(selection: dict[str, Any], steps: list[str]) -> None:
    """Add one path. A value that is read as a whole stays whole."""
    name, *below = steps
    if not below:
        selection[name] = None
    elif selection.setdefault(name, {}) is not None:
        _select(selection[name], below)
