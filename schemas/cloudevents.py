"""CloudEvents 1.0 in Kafka binary mode: attributes are headers, the value is the Avro datum.

Source: CloudEvents Kafka Protocol Binding 1.0.2. Routing, dead letters and replay read only the headers.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_float

CONTENT_TYPE = "application/avro"
PREFIX = "headrace."
MAX_SAVED_USD = 1_000_000.0

Header = tuple[str, bytes | None]
Headers = tuple[Header, ...]


class InvalidEventError(ValueError):
    """A required CloudEvents header is missing, or a header is not UTF-8."""


class EventMetadata(msgspec.Struct, frozen=True, gc=False):
    """The CloudEvents attributes of an event.

    `reused_from` is the object version (`bucket/key@version`) whose result an event repeats, and `saved_usd` the cost
    of the calls that were not made.
    """

    id: str
    source: str
    type: str
    time: str
    subject: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    reused_from: str = ""
    saved_usd: str = ""

    @property
    def event(self) -> str:
        """Return the short event name, such as `MediaUploaded`."""
        return self.type.removeprefix(PREFIX)

    @property
    def correlation(self) -> str:
        """Return the id of the root event; a root event's own id."""
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
    ("ce_reusedfrom", "reused_from"),
    ("ce_savedusd", "saved_usd"),
)
_NAMES = tuple(header for header, _ in _ATTRIBUTES)
"""The headers in the order of the fields of `EventMetadata`."""
_field = dict(_ATTRIBUTES).get
_FIXED: Headers = (("ce_specversion", b"1.0"), ("content-type", CONTENT_TYPE.encode()))


def to_headers(envelope: EventMetadata) -> Headers:
    """Return the attributes as Kafka headers, without empty ones."""
    values = zip(_NAMES, msgspec.structs.astuple(envelope), strict=True)
    own = [(header, value.encode()) for header, value in values if value]
    return (*_FIXED, *own)


def from_headers(headers: Collection[Header]) -> EventMetadata:
    """Parse the attributes from Kafka headers; ignore other headers.

    The last of several headers with one name counts. An empty header counts as missing. A missing time is empty.

    Raises:
        InvalidEventError: The id, source or type is missing, or an attribute is not UTF-8.
    """
    try:
        attributes = {field: value.decode() for name, value in headers if value and (field := _field(name))}
    except UnicodeDecodeError as error:
        raise InvalidEventError(f"header {_named(headers, error.object)} is not UTF-8") from error
    if "time" not in attributes:
        attributes["time"] = ""
    try:
        return EventMetadata(**attributes)
    except TypeError:
        missing = sorted({"id", "source", "type"} - attributes.keys())
        raise InvalidEventError(f"no CloudEvents header {', '.join('ce_' + name for name in missing)}") from None


def _named(headers: Collection[Header], value: bytes) -> str:
    return next(name for name, each in headers if _field(name) and each == value)


def timestamp(time: datetime) -> str:
    """Format a time for CloudEvents: RFC 3339, UTC, milliseconds."""
    time = time if time.tzinfo is UTC else time.astimezone(UTC)
    return f"{time.isoformat(timespec='milliseconds')[:-6]}Z"


def saved_usd(envelope: EventMetadata | None) -> float:
    """Return the US dollars that a repeated result saved; 0 for any other event, and for a header without an amount."""
    if envelope is None or not envelope.saved_usd:
        return 0.0
    try:
        return parse_float(envelope.saved_usd, 0.0, MAX_SAVED_USD)
    except InvalidValueError:
        return 0.0
