"""The CloudEvents 1.0 envelope in Kafka's binary mode: attributes are headers, the value is the Avro datum.

Source: CloudEvents Kafka Protocol Binding 1.0.2. Routing, dead-lettering and replay read only this.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import msgspec

CONTENT_TYPE = "application/avro"
PREFIX = "headrace."

Header = tuple[str, bytes | None]
Headers = tuple[Header, ...]


class InvalidEventError(ValueError):
    """The headers lack an attribute that CloudEvents requires, or hold one that is not UTF-8."""


class EventMetadata(msgspec.Struct, frozen=True, gc=False):
    """Who said what, when, about what, and why."""

    id: str
    source: str
    type: str
    time: str
    subject: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""

    @property
    def event(self) -> str:
        """The event's short name, such as `MediaUploaded`."""
        return self.type.removeprefix(PREFIX)

    @property
    def correlation(self) -> str:
        """The id of the upload that all of this began with; a root event is its own."""
        return self.correlation_id or self.id


_ATTRIBUTES = (
    ("ce_id", "id"),
    ("ce_source", "source"),
    ("ce_type", "type"),
    ("ce_time", "time"),
    ("ce_subject", "subject"),
    ("ce_correlationid", "correlation_id"),
    ("ce_causationid", "causation_id"),
    ("traceparent", "traceparent"),
)
_field = dict(_ATTRIBUTES).get
_FIXED: Headers = (("ce_specversion", b"1.0"), ("content-type", CONTENT_TYPE.encode()))


def to_headers(envelope: EventMetadata) -> Headers:
    """Write the envelope as Kafka headers; attributes without a value are left out."""
    own = [(header, value.encode()) for header, field in _ATTRIBUTES if (value := getattr(envelope, field))]
    return (*_FIXED, *own)


def from_headers(headers: Collection[Header]) -> EventMetadata:
    """Read the envelope; headers that are not ours are passed over, whatever bytes they hold.

    Of several with one name the last counts; a null or empty one is as good as none, and a missing time stays empty.
    Raises `NotAnEvent` when id, source or type is missing.
    """
    try:
        found = {field: value.decode() for name, value in headers if value and (field := _field(name))}
    except UnicodeDecodeError as error:
        raise InvalidEventError(f"header {_named(headers, error.object)} is not UTF-8") from error
    if "time" not in found:
        found["time"] = ""
    try:
        return EventMetadata(**found)
    except TypeError:
        missing = sorted({"id", "source", "type"} - found.keys())
        raise InvalidEventError(f"no CloudEvents header {', '.join('ce_' + name for name in missing)}") from None


def _named(headers: Collection[Header], value: bytes) -> str:
    return next(name for name, each in headers if _field(name) and each == value)


def timestamp(moment: datetime) -> str:
    """Write a moment as CloudEvents wants it: RFC 3339, UTC, milliseconds."""
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"
