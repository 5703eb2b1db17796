"""Decode records, dead letters and retries as far as possible."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata, Headers, InvalidEventError, from_headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_time
from headrace.schemas.records import Event
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.engine.headers import count_in

_RETRY = topics.retry("").name


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    """A record with its envelope and event; each is None if it cannot be decoded."""

    record: ConsumerRecord
    envelope: EventMetadata | None = None
    event: Event | None = None

    @property
    def place(self) -> str:
        """The position of the record: `topic/partition/offset`."""
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}"

    @property
    def key(self) -> str:
        """The record's key as text."""
        return (self.record.key or b"").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class LetterInfo:
    """The `dlq-*` headers of a dead letter. `origin` is the position where the record was first read."""

    stage: str
    code: str
    reason: str
    attempts: int
    origin: str
    first_failure: str
    last_failure: str


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """The `retry-*` headers of a record that is waiting for a retry."""

    stage: str
    code: str
    reason: str


def open_record(record: ConsumerRecord, codec: Codec) -> LogEntry:
    """Decode a record; an unparseable one has no envelope or no event.

    Raises:
        RegistryUnavailableError: the schema cannot be fetched now, so the event is not known to be unparseable.
    """
    envelope = read_envelope(record)
    try:
        return LogEntry(record, envelope, codec.decode_or_fetch(record.value))
    except DecodeError:
        return LogEntry(record, envelope)


def read_envelope(record: ConsumerRecord) -> EventMetadata | None:
    """Read the attributes of an event from the headers; None if they are invalid."""
    try:
        return from_headers(record.headers)
    except InvalidEventError:
        return None


def letter_of(entry: LogEntry) -> LetterInfo | None:
    """Read the headers of a dead letter; None for other records."""
    if not topics.is_dead_letters(entry.record.topic):
        return None
    headers = _texts(entry.record.headers)
    return LetterInfo(
        stage=headers.get("dlq-stage") or entry.record.topic.removesuffix(topics.dead_letters("").name),
        code=headers.get("dlq-code", "unknown"),
        reason=headers.get("dlq-message", ""),
        attempts=count_in(dict(entry.record.headers), "dlq-attempts"),
        origin="/".join(headers.get(f"dlq-{part}", "?") for part in ("topic", "partition", "offset")),
        first_failure=headers.get("dlq-first-failure", ""),
        last_failure=headers.get("dlq-last-failure", ""),
    )


def is_retry(topic: str) -> bool:
    """Return whether a topic has records that wait for a retry."""
    return topic.endswith(_RETRY)


def retry_of(entry: LogEntry) -> RetryInfo | None:
    """Read the headers of a retry; None for other records."""
    topic = entry.record.topic
    if not is_retry(topic):
        return None
    headers = _texts(entry.record.headers)
    return RetryInfo(topic.removesuffix(_RETRY), headers.get("retry-code", "unknown"), headers.get("retry-message", ""))


def _texts(headers: Headers) -> dict[str, str]:
    """Decode headers as text; the last of each name counts."""
    return {name: value.decode(errors="replace") for name, value in headers if value is not None}


def seconds_of(text: str) -> float | None:
    """Parse a CloudEvents timestamp to seconds since 1970; None if it is invalid."""
    try:
        return parse_time(text).timestamp()
    except InvalidValueError:
        return None
