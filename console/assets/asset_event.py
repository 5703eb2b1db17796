"""One event, dead letter or retry of an asset, from its record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from headrace.console.assets.summaries import result_location, summarize
from headrace.console.kafka.entry import LetterInfo, LogEntry, letter_of, retry_of, seconds_of
from headrace.schemas.cloudevents import EventMetadata, saved_usd
from headrace.schemas.ids import token_stage
from headrace.schemas.records import Event, JobFinished, JobStarted, MediaCompleted, MediaDeleted, MediaUploaded
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import charges_of
from headrace.streams.stages import removals

VersionStatus = Literal["done", "running", "retrying", "dead-lettered"]
Summarize = Callable[[Any], str]
Summaries = Mapping[str, Summarize]
"""How to summarize the events of a stage, by the stage's name."""

_OF_AWS = frozenset({MediaUploaded, MediaDeleted})
_OF_JOBS = frozenset({JobStarted, JobFinished})

LETTER = "DeadLetter"
RETRY = "Retry"
NANO = 1_000_000_000

_hides_the_object = record_predicate(removals.STAGE.when)


class AssetEvent(msgspec.Struct, frozen=True, gc=False):
    """One event, dead letter or retry of an asset. `at` is in seconds since 1970.

    `name` is the name of the event, or `DeadLetter` or `Retry`. `id` and `correlation` are those of the event; for a
    dead letter or retry, `cause` is the id of the failed event. `status` is the resulting status of its stage; None for
    events of AWS and for the completion. `summary` is the event in a few words, or the reason of a dead letter or
    retry. `location` is that of its result. `usd_nanos` is the cost in nano-US-dollars, `saved_nanos` what the reuse of
    another result saved. `token` is that of a job.
    `deliveries` counts its records on the log. `of_version` means the removal of one version, not of the object.
    """

    at: float
    place: str
    name: str = "?"
    stage: str = ""
    status: VersionStatus | None = None
    id: str = ""
    cause: str = ""
    correlation: str = ""
    summary: str = ""
    location: str | None = None
    usd_nanos: int = 0
    token: str = ""
    letter: LetterInfo | None = None
    deliveries: int = 1
    of_version: bool = False
    saved_nanos: int = 0

    @property
    def is_event(self) -> bool:
        """Whether this is an event, not a dead letter or a retry."""
        return self.name not in (LETTER, RETRY)


def asset_event(entry: LogEntry, summaries: Summaries) -> AssetEvent:
    """Convert a record: a dead letter, a retry, or an event. `summaries` are those of stages, by name."""
    letter, retry = letter_of(entry), retry_of(entry)
    if letter:
        why = f"{letter.code}: {letter.reason}"
        at = seconds_of(letter.last_failure) or entry.record.timestamp
        return _failed(
            entry, AssetEvent(at, entry.place, LETTER, letter.stage, "dead-lettered", summary=why, letter=letter)
        )
    if retry:
        why = f"{retry.code}: {retry.reason}"
        return _failed(
            entry, AssetEvent(entry.record.timestamp, entry.place, RETRY, retry.stage, "retrying", summary=why)
        )
    return plain_event(entry, summaries)


def usd_of(nanos: int) -> float:
    """Convert nano-US-dollars to US dollars, rounded to 6 decimals."""
    return round(nanos / NANO, 6)


def _failed(entry: LogEntry, fact: AssetEvent) -> AssetEvent:
    """Add the ids of the event that failed."""
    if entry.envelope is None:
        return fact
    id_ = entry.envelope.id
    return replace(fact, id=id_, cause=id_, correlation=entry.envelope.correlation)


def plain_event(entry: LogEntry, summaries: Summaries) -> AssetEvent:
    """Convert a record that is neither a dead letter nor a retry."""
    event, envelope = entry.event, entry.envelope
    stage, status = _stage_status(entry)
    own = summaries.get(stage) if status == "done" else None  # not of its jobs
    kind = type(event)
    return AssetEvent(
        (seconds_of(envelope.time) if envelope else None) or entry.record.timestamp,
        entry.place,
        event.EVENT if event else "?",
        stage,
        status,
        envelope.id if envelope else "",
        envelope.causation_id if envelope else "",
        envelope.correlation if envelope else "",
        _with_source((own or summarize)(event), envelope),
        result_location(event),
        _usd_nanos(event),
        event.token if kind in _OF_JOBS else "",  # type: ignore[union-attr]
        of_version=kind is MediaDeleted and not _hides_the_object(event),
        saved_nanos=round(saved_usd(envelope) * NANO),
    )


def _with_source(summary: str, envelope: EventMetadata | None) -> str:
    """Add where a reused result comes from."""
    source = envelope.reused_from if envelope else ""
    return f"{summary}{', ' if summary else ''}reused from {source}" if source else summary


def _usd_nanos(event: Event | None) -> int:
    """Sum the charges of an event: integers, so that sums do not depend on their order."""
    charges = charges_of(event) if event else ()
    return sum([round(charge.usd * NANO) for charge in charges]) if charges else 0


def _stage_status(entry: LogEntry) -> tuple[str, VersionStatus | None]:
    """Return the stage of an event and its resulting status."""
    event = entry.event
    kind = type(event)
    if event is None or kind in _OF_AWS:
        return "", None
    if kind in _OF_JOBS:
        return (event.stage, "running") if kind is JobStarted else (token_stage(event.token) or "", None)  # type: ignore[union-attr]
    stage = entry.envelope.source.removeprefix("headrace/") if entry.envelope else ""
    return stage, None if kind is MediaCompleted else "done"
