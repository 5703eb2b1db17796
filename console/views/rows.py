"""Rows of the views: tuples in the order of their columns, without their keys. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.kafka.entry import LetterInfo
from headrace.console.views.stored_text import from_stored, texts_to_stored, to_stored
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import count_in, due_at


class FactRow(NamedTuple):
    """A row of `timeline`, `completions` or `removals`."""

    at: float
    event: str
    stage: str
    status: str | None
    event_id: str
    cause: str
    correlation: str
    topic: str
    partition: int
    offset: int
    summary: str
    location: str | None
    usd_nanos: int
    token: str | None
    letter: str | None
    code: str | None
    attempts: int | None
    due_at: float | None
    deliveries: int
    saved_nanos: int


class StageRow(NamedTuple):
    """A row of `stage_states`."""

    status: str
    at: float
    event_id: str
    cause: str
    summary: str
    code: str | None
    location: str | None
    usd_nanos: int
    attempts: int | None
    due_at: float | None
    topic: str
    partition: int
    offset: int


class VersionRow(NamedTuple):
    """A row of `versions`."""

    sequencer: str
    version_id: str | None
    etag: str
    size: int
    kind: str | None
    uploaded_at: float | None
    completed_at: float | None
    deleted_at: float | None


class AssetRow(NamedTuple):
    """A row of `assets`."""

    newest_order: str
    newest_version: str
    state: str
    kind: str | None
    size: int
    uploaded_at: float | None
    completed_at: float | None
    versions: int
    usd_nanos: int
    updated: float


class JobRow(NamedTuple):
    """A row of `jobs`. `version` is the key of a version until it has a number."""

    version: Any
    stage: str
    service: str
    operation: str
    job_id: str
    started_at: float | None
    deadline_at: float | None
    finished_at: float | None
    status: str | None
    message: str | None


class LetterRow(NamedTuple):
    """A row of `dead_letters`."""

    stage: str
    code: str
    class_: str
    reason: str
    kind: str
    asset: str | None
    failed_at: float
    readable: bool
    resolved: bool
    records: int
    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    headers: bytes


def fact_row(fact: AssetEvent, record: ConsumerRecord) -> FactRow:
    """Convert an event of an asset, with the record that it was made from."""
    code = attempts = due = None
    if not fact.is_event:
        code = to_stored(fact.summary.partition(": ")[0])
        attempts = fact.letter.attempts if fact.letter else count_in(dict(record.headers), "retry-attempts")
        due = None if fact.letter else due_at(record)
    texts = (fact.stage, fact.id, fact.cause, fact.correlation, fact.summary, fact.location or "", fact.token)
    stage, id_, cause, correlation, summary, location, token = texts_to_stored(texts)
    return FactRow(
        fact.at,
        fact.name,
        stage,
        fact.status,
        id_,
        cause,
        correlation,
        record.topic,
        record.partition,
        record.offset,
        summary,
        location or None,
        fact.usd_nanos,
        token or None,
        to_stored(msgspec.json.encode(fact.letter).decode()) if fact.letter else None,
        code,
        attempts,
        due,
        fact.deliveries,
        fact.saved_nanos,
    )


def stage_row(row: FactRow) -> StageRow:
    """Return the state of a stage after an event with a status."""
    return StageRow(
        row.status or "",
        row.at,
        row.event_id,
        row.cause,
        row.summary,
        row.code,
        row.location,
        row.usd_nanos,
        row.attempts,
        row.due_at,
        row.topic,
        row.partition,
        row.offset,
    )


def event_of(row: FactRow, of_version: bool = False) -> AssetEvent:
    """Convert a row back. `of_version`: it is from `removals`."""
    letter = msgspec.json.decode(from_stored(row.letter), type=LetterInfo) if row.letter else None
    return AssetEvent(
        at=row.at,
        place=f"{row.topic}/{row.partition}/{row.offset}",
        name=row.event,
        stage=from_stored(row.stage),
        status=row.status,  # type: ignore[arg-type]
        id=from_stored(row.event_id),
        cause=from_stored(row.cause),
        correlation=from_stored(row.correlation),
        summary=from_stored(row.summary),
        location=from_stored(row.location) if row.location else None,
        usd_nanos=row.usd_nanos,
        token=from_stored(row.token) if row.token else "",
        letter=letter,
        deliveries=row.deliveries,
        of_version=of_version,
        saved_nanos=row.saved_nanos,
    )
