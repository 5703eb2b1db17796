"""What happened in a stage over time, and what it cost lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from headrace.console.views.queries.rounding import RoundedDown
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import costs, dead_letters, timeline


@dataclass(frozen=True, slots=True)
class ActivityBucket:
    """The records of a stage in a span of time that begins at `at`, in seconds since 1970."""

    at: float
    done: int
    retrying: int
    dead_lettered: int


@dataclass(frozen=True, slots=True)
class RecentLetter:
    """An unresolved dead letter."""

    id: str
    code: str
    reason: str
    asset: str
    failed_at: float


def activity(connection: Connection, stage: str, now: float, seconds: int, buckets: int) -> tuple[ActivityBucket, ...]:
    """Count the results, retries and dead letters of a stage in the last seconds, oldest first."""
    width = seconds // buckets
    end = int(now) // width * width + width
    start = end - width * buckets
    number = RoundedDown((timeline.c.at - start) / width)
    rows = connection.execute(
        select(number, timeline.c.status, func.count())
        .where(timeline.c.stage == stage, timeline.c.at >= start, timeline.c.at < end)
        .group_by(number, timeline.c.status)
    )
    counts = {(int(bucket), status): count for bucket, status, count in rows}
    return tuple(
        ActivityBucket(
            start + width * each,
            counts.get((each, "done"), 0),
            counts.get((each, "retrying"), 0),
            counts.get((each, "dead-lettered"), 0),
        )
        for each in range(buckets)
    )


def recent_letters(connection: Connection, stage: str, limit: int) -> tuple[RecentLetter, ...]:
    """Return the newest unresolved dead letters of a stage."""
    column = dead_letters.c
    newest = select(column.id, column.code, column.reason, column.asset, column.failed_at)
    wanted = newest.where(column.stage == stage, ~column.resolved).order_by(column.timestamp.desc()).limit(limit)
    return tuple(
        RecentLetter(id_, from_stored(code), from_stored(reason), from_stored(asset or ""), failed_at)
        for id_, code, reason, asset, failed_at in connection.execute(wanted)
    )


def open_letters(connection: Connection) -> dict[str, int]:
    """Count the unresolved dead letters by stage."""
    column = dead_letters.c
    rows = connection.execute(select(column.stage, func.count()).where(~column.resolved).group_by(column.stage))
    return {stage: int(count) for stage, count in rows}


def refused_by_budget(connection: Connection) -> int:
    """Count the unresolved dead letters whose call would have exceeded a budget."""
    column = dead_letters.c
    refused = select(func.count()).where(~column.resolved, column.code == "budget")
    return int(connection.execute(refused).scalar() or 0)


def spent_on(connection: Connection, day: str) -> int:
    """Return the cost of a day (UTC, YYYY-MM-DD) in nano-US-dollars."""
    spent = select(func.coalesce(func.sum(costs.c.usd_nanos), 0)).where(costs.c.day == day)
    return int(connection.execute(spent).scalar() or 0)


def mean_costs(connection: Connection, now: float, days: int) -> Mapping[str, float]:
    """Return the mean cost of a result of each stage in the last days, in nano-US-dollars."""
    first = (datetime.fromtimestamp(now, UTC) - timedelta(days=days)).strftime("%Y-%m-%d")
    sums = select(costs.c.stage, func.sum(costs.c.usd_nanos), func.sum(costs.c.results))
    rows = connection.execute(sums.where(costs.c.day >= first).group_by(costs.c.stage))
    return {from_stored(stage): int(nanos) / int(results) for stage, nanos, results in rows if results}
