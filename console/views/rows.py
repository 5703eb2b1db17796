"""Rows of the views as tuples in the order of their columns, without their keys, and how two rows of a key merge. Pure.

Every merge is associative, and for rows of different records commutative, so that the order in which partitions are
read does not change a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.kafka.entry import LetterInfo
from headrace.console.views.stored_text import from_stored, to_stored
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import count_in, due_at

T = TypeVar("T", str, int, float)


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
    return FactRow(
        fact.at,
        fact.name,
        to_stored(fact.stage),
        fact.status,
        to_stored(fact.id),
        to_stored(fact.cause),
        to_stored(fact.correlation),
        record.topic,
        record.partition,
        record.offset,
        to_stored(fact.summary),
        to_stored(fact.location) if fact.location else None,
        fact.usd_nanos,
        to_stored(fact.token) if fact.token else None,
        to_stored(msgspec.json.encode(fact.letter).decode()) if fact.letter else None,
        code,
        attempts,
        due,
        fact.deliveries,
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
    )


def merge_facts(one: FactRow, other: FactRow) -> FactRow:
    """Merge deliveries of one event: the first counts; of a dead letter, the newest."""
    if one.letter or other.letter:
        kept = max(one, other, key=lambda row: (row.letter is not None, row.at, row.partition, row.offset))
    else:
        kept = min(one, other, key=lambda row: (row.partition, row.offset))
    return kept._replace(deliveries=one.deliveries + other.deliveries)


def merge_removals(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    """Keep the last removal of a version. Both begin with their identity."""
    return max(one, other, key=lambda row: (row[9], row[10]))  # partition and offset


def merge_stages(one: StageRow, other: StageRow) -> StageRow:
    """Keep the newest result of a stage, or what happened to it last if it has none."""
    return max(one, other, key=_stage_order)


def _stage_order(row: StageRow) -> tuple[bool, float, str]:
    return row.status == "done", row.at, f"{row.topic}/{row.partition}/{row.offset}"


def merge_versions(one: VersionRow, other: VersionRow) -> VersionRow:
    """Merge what two events say about a version: equal, except for what only one knows."""
    return VersionRow(
        max(one.sequencer, other.sequencer),
        _chosen(max, one.version_id, other.version_id),
        max(one.etag, other.etag),
        max(one.size, other.size),
        _chosen(max, one.kind, other.kind),
        _chosen(min, one.uploaded_at, other.uploaded_at),
        _chosen(min, one.completed_at, other.completed_at),
        _chosen(min, one.deleted_at, other.deleted_at),
    )


def merge_jobs(one: JobRow, other: JobRow) -> JobRow:
    """Merge the start and the completions of a job. The last completion counts."""
    ends = [(row.finished_at, row.status or "", row.message) for row in (one, other) if row.finished_at is not None]
    finished_at, status, message = max(ends, key=lambda end: (end[0], end[1], end[2] or ""), default=(None, "", None))
    first = min(one, other, key=lambda row: (row.version is None, row[1:5]))
    return JobRow(
        first.version,
        first.stage,
        first.service,
        first.operation,
        first.job_id,
        _chosen(min, one.started_at, other.started_at),
        _chosen(max, one.deadline_at, other.deadline_at),
        finished_at,
        status or None,
        message,
    )


def merge_letters(one: LetterRow, other: LetterRow) -> LetterRow:
    """Keep the newest record of a dead letter. All have one key, and so one partition, unless partitions are added."""
    newest = max(one, other, key=lambda row: (row.partition, row.offset))
    return newest._replace(records=one.records + other.records)


def _chosen(choose: Callable[[T, T], T], one: T | None, other: T | None) -> T | None:
    """Choose one of two values; a missing one is never chosen."""
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
