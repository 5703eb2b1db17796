"""One event, dead letter or retry of an asset, from its record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from headrace.console.assets.summaries import summarize
from headrace.console.kafka.entry import LetterInfo, LogEntry, letter_of, retry_of, seconds_of
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import token_stage
from headrace.schemas.records import Event, JobFinished, JobStarted, MediaCompleted, MediaDeleted, MediaUploaded

VersionStatus = Literal["done", "running", "retrying", "dead-lettered"]
Summarize = Callable[[Any], str]
Summaries = Mapping[str, Summarize]
"""How to summarize the events of a stage, by the stage's name."""


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """One event, dead letter or retry of an asset. `at` is in seconds since 1970.

    `status` is the resulting status of its stage; None for events of AWS and for the completion. `why` is the reason of
    a dead letter or retry. `deliveries` counts its records on the log. `summarize` formats the event in a few words.
    """

    at: float
    place: str
    stage: str = ""
    status: VersionStatus | None = None
    envelope: EventMetadata | None = None
    event: Event | None = None
    letter: LetterInfo | None = None
    why: str = ""
    deliveries: int = 1
    summarize: Summarize = field(default=summarize, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name of the event, or `DeadLetter` or `Retry`."""
        if self.letter:
            return "DeadLetter"
        if self.status == "retrying":
            return "Retry"
        return self.event.EVENT if self.event else "?"

    @property
    def is_event(self) -> bool:
        """Whether this is an event, not a dead letter or a retry."""
        return self.letter is None and self.status != "retrying"

    @property
    def summary(self) -> str:
        """The reason of a dead letter or retry, or the event in a few words."""
        return self.summarize(self.event) if self.is_event else self.why


def asset_event(entry: LogEntry, summaries: Summaries) -> AssetEvent:
    """Convert a record: a dead letter, a retry, or an event. `summaries` are those of stages, by name."""
    letter, retry = letter_of(entry), retry_of(entry)
    fact = AssetEvent(entry.record.timestamp, entry.place, envelope=entry.envelope, event=entry.event)
    if letter:
        at = seconds_of(letter.last_failure) or fact.at
        why = f"{letter.code}: {letter.reason}"
        return replace(fact, at=at, stage=letter.stage, status="dead-lettered", letter=letter, why=why)
    if retry:
        return replace(fact, stage=retry.stage, status="retrying", why=f"{retry.code}: {retry.reason}")
    stage, status = _stage_status(entry)
    at = (seconds_of(entry.envelope.time) if entry.envelope else None) or fact.at
    own = summaries.get(stage) if status == "done" else None  # not of its jobs
    return replace(fact, at=at, stage=stage, status=status, summarize=own or summarize)


def _stage_status(entry: LogEntry) -> tuple[str, VersionStatus | None]:
    """Return the stage of an event and its resulting status."""
    match entry.event:
        case None | MediaUploaded() | MediaDeleted():
            return "", None
        case JobFinished(token=token):
            return token_stage(token) or "", None
        case JobStarted(stage=stage):
            return stage, "running"
    source = entry.envelope.source if entry.envelope else ""
    return source.removeprefix("headrace/"), None if isinstance(entry.event, MediaCompleted) else "done"
