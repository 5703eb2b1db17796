"""The last record that a stage processed, in the views, to compare a dead letter with."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from headrace.console.kafka.offsets import Position
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.tables import stage_states, timeline, versions

RECENT = 2_000
"""Newest asset versions that are examined, so that the query does not grow with history."""


def last_processed_input(connection: Connection, stage: str, inputs: Sequence[str]) -> Position | None:
    """Return the position of the newest record of some topics that a stage has processed; None without one."""
    newest = select(func.max(versions.c.id)).scalar_subquery()
    state, event = stage_states.c, timeline.c
    statement = (
        select(event.topic, event.partition, event.offset)
        .select_from(
            versions.join(stage_states, state.version_id == versions.c.id).join(
                timeline, event.version_id == versions.c.id
            )
        )
        .where(versions.c.id > newest - RECENT, state.stage == stored_argument(stage), state.status == "done")
        .where(event.topic.in_(inputs), event.at <= state.at)
        .order_by(versions.c.id.desc(), event.at.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return (row.topic, row.partition, row.offset) if row else None
