"""Costs, replays and reports of workers in the views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from headrace.console.replay import audit
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, costs, replays, timeline, versions, workers
from headrace.streams.worker import status_reports

if TYPE_CHECKING:
    from headrace.console.pipeline.spent import CostGroup
    from headrace.console.replay.audit import AuditEntry
    from headrace.streams.worker.status_reports import StageStatusReport


def spent_nanos(connection: Connection, by: CostGroup) -> dict[str, int]:
    """Sum the cost of the results in nano-US-dollars by name."""
    if by == "asset":
        rows = connection.execute(
            select(assets.c.bucket, assets.c.key, assets.c.usd_nanos).where(assets.c.usd_nanos != 0)
        )
        return {from_stored(f"{bucket}/{key}"): nanos for bucket, key, nanos in rows}
    name = costs.c[by]
    paid = costs.c.usd_nanos != 0
    sums = connection.execute(select(name, func.sum(costs.c.usd_nanos)).where(paid).group_by(name))
    return {from_stored(each): int(nanos) for each, nanos in sums}


def saved_nanos(connection: Connection, by: CostGroup) -> dict[str, int]:
    """Sum what the reuse of results saved, in nano-US-dollars by name."""
    if by == "asset":
        name = assets.c.bucket + "/" + assets.c.key
        source = timeline.join(versions, timeline.c.version_id == versions.c.id)
        source = source.join(assets, versions.c.asset_id == assets.c.id)
        wanted = select(name, func.sum(timeline.c.saved_nanos)).select_from(source).where(timeline.c.saved_nanos != 0)
        sums = connection.execute(wanted.group_by(name))
    else:
        wanted = select(costs.c[by], func.sum(costs.c.saved_nanos)).where(costs.c.saved_nanos != 0)
        sums = connection.execute(wanted.group_by(costs.c[by]))
    return {from_stored(each): int(nanos) for each, nanos in sums}


def audit_entries(connection: Connection) -> dict[str, AuditEntry]:
    """Return every audit entry by id, in the order in which the replays began."""
    rows = connection.execute(select(replays.c.document).order_by(replays.c.first_offset))
    return audit.read(from_stored(row.document).encode() for row in rows)


def worker_reports(connection: Connection) -> list[StageStatusReport]:
    """Return the last report of each worker on each stage."""
    rows = connection.execute(select(workers.c.document).order_by(workers.c.key))
    return [report for row in rows if (report := status_reports.read(from_stored(row.document).encode()))]
