"""One version of an asset in the views: its jobs, results and passages, and the S3 objects that belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, select, tuple_

from headrace.console.views.queries import joins, people
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, jobs, passages, stage_states, text_sources, versions

MOST_PASSAGES = 5_000
"""Passages of a version that are read: about 10 hours of speech."""
CHUNK = 100
"""Assets per query."""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of an object, with the number that its rows refer to. `etag` identifies its content."""

    id: int
    bucket: str
    key: str
    version: str
    version_id: str | None
    etag: str
    kind: str | None
    size: int
    is_newest: bool


@dataclass(frozen=True, slots=True)
class JobRun:
    """An asynchronous job of AWS. Times are in seconds since 1970; `status` is None while it runs."""

    stage: str
    service: str
    operation: str
    token: str
    job_id: str
    started_at: float | None
    deadline_at: float | None
    finished_at: float | None
    status: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage of a result: what was spoken, seen or written. Times are in seconds, `confidence` from 0 to 100."""

    kind: str
    stage: str
    name: str
    category: str
    text: str
    language: str
    confidence: float | None
    start: float | None
    end: float | None
    page: int | None


def find_version(connection: Connection, bucket: str, key: str, version: str = "") -> StoredVersion | None:
    """Return a version of an object by name, the newest without a version; None if the views do not have it."""
    columns = versions.c
    order = columns.sequencer_order.desc(), columns.version.desc()
    wanted = _versions().where(assets.c.bucket == stored_argument(bucket), assets.c.key == stored_argument(key))
    if version:
        wanted = wanted.where(columns.version == stored_argument(version))
    row = connection.execute(wanted.order_by(*order).limit(1)).first()
    return _version(row) if row else None


def jobs_of(connection: Connection, version: int) -> list[JobRun]:
    """List the jobs of a version, oldest first."""
    columns = jobs.c
    rows = connection.execute(
        select(jobs).where(columns.version_id == version).order_by(columns.started_at, columns.id)
    )
    return [
        JobRun(
            from_stored(row.stage),
            from_stored(row.service),
            from_stored(row.operation),
            from_stored(row.token),
            from_stored(row.job_id),
            row.started_at,
            row.deadline_at,
            row.finished_at,
            row.status,
            from_stored(row.message) if row.message else None,
        )
        for row in rows
    ]


def passages_of(connection: Connection, version: int, kinds: Iterable[str] = ()) -> list[FoundPassage]:
    """List the passages of a version, or those of some kinds, in the order of time and page."""
    columns = passages.c
    wanted = (
        select(passages, text_sources.c.stage)
        .join(text_sources, text_sources.c.id == columns.source_id)
        .where(columns.version_id == version)
        .order_by(columns.start, columns.page, columns.id)
        .limit(MOST_PASSAGES)
    )
    names = tuple(kinds)
    wanted = wanted.where(columns.kind.in_(names) if names else columns.kind != "vector")  # texts are there already
    return [_passage(row) for row in connection.execute(wanted)]


def with_people(connection: Connection, passages: Sequence[FoundPassage]) -> list[FoundPassage]:
    """Return passages with the people's names instead of the ids of their faces, and without links between faces."""
    known = people.people_of_faces(connection, [each.name for each in passages if each.kind == "person"])
    shown = (each for each in passages if each.kind != "person" or (not each.category and each.name in known))
    return [
        replace(each, text=people.display_name(each.name, known)) if each.kind == "person" else each for each in shown
    ]


def result_location(connection: Connection, version: int, stage: str) -> str | None:
    """Return the location of a stage's result, `s3://bucket/key`; None without one."""
    columns = stage_states.c
    wanted = select(columns.location).where(
        columns.version_id == version, columns.stage == stored_argument(stage), columns.status == "done"
    )
    location = connection.execute(wanted).scalar()
    return from_stored(location) if location else None


def with_thumbnails(connection: Connection, names: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Return the names, bucket and key, of those assets whose newest version has a thumbnail."""
    known = {(stored_argument(bucket), stored_argument(key)): (bucket, key) for bucket, key in names}
    columns = assets.c.bucket, assets.c.key
    found: set[tuple[str, str]] = set()
    stored = list(known)
    for start in range(0, len(stored), CHUNK):
        wanted = select(*columns).select_from(joins.NEWEST.join(passages, passages.c.version_id == versions.c.id))
        wanted = wanted.where(passages.c.kind == "thumbnail", tuple_(*columns).in_(stored[start : start + CHUNK]))
        found |= {known[row.bucket, row.key] for row in connection.execute(wanted.distinct())}
    return frozenset(found)


def _versions() -> Select[Any]:
    names = assets.c.bucket, assets.c.key, assets.c.newest_order, assets.c.newest_version
    return select(*names, versions).select_from(joins.VERSIONS)


def _version(row: Any) -> StoredVersion:
    return StoredVersion(
        id=row.id,
        bucket=from_stored(row.bucket),
        key=from_stored(row.key),
        version=from_stored(row.version),
        version_id=from_stored(row.version_id) if row.version_id else None,
        etag=from_stored(row.etag),
        kind=row.kind,
        size=row.size,
        is_newest=(row.sequencer_order, row.version) == (row.newest_order, row.newest_version),
    )


def _passage(row: Any) -> FoundPassage:
    return FoundPassage(
        row.kind,
        from_stored(row.stage),
        from_stored(row.name),
        from_stored(row.category),
        from_stored(row.text),
        from_stored(row.language),
        row.confidence,
        row.start,
        row.end,
        row.page,
    )
