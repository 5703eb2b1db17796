"""Assets that wait for a stage longer than is usual.

A version waits for a stage if the views have an event that the stage reads, and neither a result nor a dead letter of
the stage. What is usual is the 99th percentile of the same time among recent results of the stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, distinct, func, or_, select, true

from headrace.console.kafka.offsets import Position
from headrace.console.terminal.formatting import format_duration
from headrace.console.views.queries import joins
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.operations import worker_reports
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, jobs, stage_states, timeline, versions
from headrace.schemas import topics
from headrace.schemas.records import Event
from headrace.streams.handlers import FanIn, JobWatch
from headrace.streams.stage import Stage, record_filter
from headrace.streams.worker.status_reports import StageStatusReport

RECENT = 2_000
"""Newest asset versions whose results show what is usual."""
FEWEST = 20
"""Results below which nothing is known about a stage."""
USUAL = 0.99
CHUNK = 100
"""Versions whose inputs are read together."""
MAX_EXAMINED = 1_000
"""Versions per stage that are examined, oldest first."""


ReadEvents = Callable[[Iterable[Position]], Mapping[Position, Event]]
"""Reads events by their positions; expired and unreadable ones are left out."""


@dataclass(frozen=True, slots=True)
class OverdueAsset:
    """A version that waits for a stage since a time, in seconds since 1970."""

    asset: str
    version: str
    stage: str
    since: float
    seconds: float
    usual_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class OverdueReport:
    """Overdue assets, longest wait first. `without_history` names the stages with too few results."""

    assets: tuple[OverdueAsset, ...]
    more: bool
    without_history: tuple[str, ...]


def report(connect: Connect, stages: Sequence[Stage], read_events: ReadEvents, now: float, limit: int) -> OverdueReport:
    """List the assets that wait longer than is usual for their stage; `now` is in seconds since 1970."""
    unknown: list[str] = []
    waiting: list[OverdueAsset] = []
    with connect() as connection:
        reports = worker_reports(connection)
        for stage in stages:
            if not _is_watched(stage):
                continue
            usual = usual_wait(connection, stage)
            if usual is None:
                unknown.append(stage.name)
                continue
            chunks = _waiting(connection, stage, now - usual.seconds, usual.kinds)
            rows = islice(_accepted(stage, chunks, read_events), limit + 1)
            waiting += [_overdue(row, stage, usual.seconds, now, reports) for row in rows]
    waiting.sort(key=lambda each: (each.since, each.asset, each.stage))
    return OverdueReport(tuple(waiting[:limit]), len(waiting) > limit, tuple(unknown))


@dataclass(frozen=True, slots=True)
class UsualWait:
    """The 99th percentile of the seconds from input to result, and the kinds of media that had results."""

    seconds: float
    kinds: tuple[str, ...]


def usual_wait(connection: Connection, stage: Stage) -> UsualWait | None:
    """Return what was usual among recent results of a stage; None if there are too few."""
    newest = select(func.max(versions.c.id)).scalar_subquery()
    state, event = stage_states.c, timeline.c
    columns = versions.c.kind, state.at - func.max(event.at)
    of_version = joins.VERSIONS.join(stage_states, state.version_id == versions.c.id)
    recent = (
        select(*columns)
        .select_from(of_version.join(timeline, event.version_id == versions.c.id))
        .where(versions.c.id > newest - RECENT, state.stage == stage.name, state.status == "done")
        .where(event.topic.in_(_inputs(stage)), event.at <= state.at)
        .group_by(versions.c.id, versions.c.kind, state.at)
    )
    rows = connection.execute(recent).all()
    if len(rows) < FEWEST:
        return None
    seconds = sorted(row[1] for row in rows)
    kinds = {row[0] for row in rows if row[0] is not None}
    return UsualWait(seconds[math.ceil(USUAL * len(seconds)) - 1], tuple(sorted(kinds)))


def _is_watched(stage: Stage) -> bool:
    """Whether versions wait for a stage: it writes results. The last fan-in waits for all others."""
    return stage.writes not in (None, topics.COMPLETED) and not isinstance(stage.handler, JobWatch)


def _inputs(stage: Stage) -> list[str]:
    return [topic.name for topic in stage.reads]


def _waiting(
    connection: Connection, stage: Stage, before: float, kinds: Sequence[str]
) -> Iterator[list[_WaitingVersion]]:
    """Yield chunks of the newest versions that wait for a stage since before a time, longest first.

    Versions of kinds that never had a result are left out: the stage skips them.
    """
    state, event = stage_states.c, timeline.c
    own = state.version_id == versions.c.id, state.stage == stage.name
    ended = select(state.version_id).where(*own, state.status.in_(("done", "dead-lettered")))
    since = func.max(event.at)
    complete = func.count(distinct(event.topic)) == len(stage.reads) if isinstance(stage.handler, FanIn) else true()
    columns = assets.c.bucket, assets.c.key, versions.c.version, versions.c.id
    statement = (
        select(*columns, since.label("since"))
        .select_from(joins.NEWEST.join(timeline, event.version_id == versions.c.id))
        .where(assets.c.state == "processing", event.topic.in_(_inputs(stage)), ~ended.exists())
        .where(or_(versions.c.kind.is_(None), versions.c.kind.in_(kinds)))
        .group_by(*columns)
        .having(since < before, complete)
        .order_by(since, versions.c.id)
    )
    for start in range(0, MAX_EXAMINED, CHUNK):
        rows = connection.execute(statement.limit(CHUNK).offset(start)).all()
        yield [_WaitingVersion(*row, *_progress(connection, row.id, stage)) for row in rows]
        if len(rows) < CHUNK:
            return


def _progress(connection: Connection, version: int, stage: Stage) -> tuple[Any, Any, Position]:
    """Return the state of a version in a stage, its running job, and the position of its input."""
    state, event = stage_states.c, timeline.c
    own = select(stage_states).where(state.version_id == version, state.stage == stage.name)
    job = select(jobs).where(jobs.c.version_id == version, jobs.c.stage == stage.name, jobs.c.finished_at.is_(None))
    inputs = select(event.topic, event.partition, event.offset).where(
        event.version_id == version, event.topic.in_(_inputs(stage))
    )
    [topic, partition, offset] = connection.execute(inputs.order_by(event.at.desc()).limit(1)).one()
    return connection.execute(own).first(), connection.execute(job).first(), (topic, partition, offset)


class _WaitingVersion(NamedTuple):
    """A version that waits for a stage, with its state and its running job there."""

    bucket: str
    key: str
    version: str
    id: int
    since: float
    state: Any
    job: Any
    input: Position


def _accepted(
    stage: Stage, chunks: Iterable[Sequence[_WaitingVersion]], read_events: ReadEvents
) -> Iterator[_WaitingVersion]:
    """Leave out the versions whose input the stage skips. One whose input has expired is kept."""
    accepts = record_filter(stage)
    for rows in chunks:
        unseen = [row.input for row in rows if row.state is None and stage.patterns]
        events = read_events(unseen) if unseen else {}
        yield from (row for row in rows if row.input not in events or accepts(events[row.input]))


def _overdue(
    row: _WaitingVersion, stage: Stage, usual: float, now: float, reports: Sequence[StageStatusReport]
) -> OverdueAsset:
    name, version = from_stored(f"{row.bucket}/{row.key}"), from_stored(row.version)
    reason = _reason(row, [report for report in reports if report.stage == stage.name], now)
    return OverdueAsset(name, version, stage.name, row.since, now - row.since, usual, reason)


def _reason(row: _WaitingVersion, reports: Sequence[StageStatusReport], now: float) -> str:
    """Explain why a version waits: its job, its retry, a paused worker, or no worker."""
    paused = next((f"{report.worker} is paused: {report.why}" for report in reports if report.state == "paused"), "")
    if row.state is not None and row.state.status == "retrying":
        return f"retrying after {from_stored(row.state.summary)}"
    if row.job is not None:
        deadline = row.job.deadline_at
        late = deadline is not None and deadline < now
        until = f", deadline passed {format_duration(now - deadline)} ago" if late else ""
        return f"the job {from_stored(row.job.job_id)} of {from_stored(row.job.service)} has not finished{until}"
    if row.state is not None and not paused:
        return f"{row.state.status}: {from_stored(row.state.summary)}"
    return paused or ("not processed yet" if reports else "no worker runs the stage")
