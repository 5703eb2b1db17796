"""One record of the log, opened as far as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata, Headers, InvalidEventError, from_headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Event
from headrace.schemas.serde.codec import Codec, DecodeError


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A record with its envelope and its event; each is None where the bytes do not give it."""

    record: ConsumerRecord
    envelope: EventMetadata | None = None
    event: Event | None = None

    @property
    def place(self) -> str:
        """Where the record lies: `topic/partition/offset`."""
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}"

    @property
    def key(self) -> str:
        """The record's key as text."""
        return (self.record.key or b"").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class LetterInfo:
    """Why a stage gave a record up, as the `dlq-*` headers tell. `origin` is where the record was first read."""

    stage: str
    code: str
    reason: str
    attempts: int
    origin: str
    first_failure: str
    last_failure: str


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """Why a stage tries a record again later, as the `retry-*` headers tell."""

    stage: str
    code: str
    reason: str


def open_record(record: ConsumerRecord, codec: Codec) -> LogEntry:
    """Open a record. What cannot be read is a record all the same, and may be a dead letter.

    Raises only `RegistryDown`: an event that could be read is not to look like one that cannot.
    """
    try:
        envelope = from_headers(record.headers)
    except InvalidEventError:
        envelope = None
    try:
        return LogEntry(record, envelope, codec.decode_or_fetch(record.value))
    except DecodeError:
        return LogEntry(record, envelope)


def letter_of(entry: LogEntry) -> LetterInfo | None:
    """Read why a record is a dead letter; None for one that is not."""
    if not topics.is_dead_letters(entry.record.topic):
        return None
    found = _texts(entry.record.headers)
    attempts = found.get("dlq-attempts", "")
    return LetterInfo(
        stage=found.get("dlq-stage") or entry.record.topic.removesuffix(topics.dead_letters("").name),
        code=found.get("dlq-code", "unknown"),
        reason=found.get("dlq-message", ""),
        attempts=int(attempts) if attempts.isdigit() else 0,
        origin="/".join(found.get(f"dlq-{part}", "?") for part in ("topic", "partition", "offset")),
        first_failure=found.get("dlq-first-failure", ""),
        last_failure=found.get("dlq-last-failure", ""),
    )


def retry_of(entry: LogEntry) -> RetryInfo | None:
    """Read why a record waits to be tried again; None for one that does not."""
    stage, dot, kind = entry.record.topic.rpartition(".")
    if dot + kind != topics.retry("").name:
        return None
    found = _texts(entry.record.headers)
    return RetryInfo(stage, found.get("retry-code", "unknown"), found.get("retry-message", ""))


def _texts(headers: Headers) -> dict[str, str]:
    """Read headers as text; of a name that comes twice, the last counts."""
    return {name: value.decode(errors="replace") for name, value in headers if value is not None}


def seconds_of(moment: str) -> float | None:
    """Read a moment as CloudEvents writes it, in seconds since 1970; None where it is no moment."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
