"""Erase assets from the views: every row that names them, with their searchable text."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, select

from headrace.console.search.index_store import erase_texts
from headrace.console.views.stored_text import to_stored
from headrace.console.views.tables import (
    assets,
    completions,
    dead_letters,
    dispositions,
    execution_attempts,
    execution_events,
    execution_states,
    executions,
    jobs,
    removals,
    stage_states,
    timeline,
    versions,
)


def erase_asset(connection: Connection, name: str) -> dict[str, int]:
    """Delete the rows of an asset, `bucket/key`; return the numbers of deleted rows by table.

    Costs stay: they are sums by day and stage.
    """
    stored = to_stored(name)
    bucket, _, key = stored.partition("/")
    number = connection.scalar(select(assets.c.id).where(assets.c.bucket == bucket, assets.c.key == key))
    counts = {"passages": 0 if number is None else erase_texts(connection, number)}
    for table, condition in _rows(number, stored):
        counts[table.name] = connection.execute(delete(table).where(condition)).rowcount
    return {table: count for table, count in counts.items() if count}


def _rows(number: int | None, name: str) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Yield the rows to delete by table; rows that others name come after them."""
    of_asset = select(versions.c.id).where(versions.c.asset_id == number)
    yield completions, completions.c.job.in_(_ids(jobs, jobs.c.version_id.in_(of_asset)))
    for table in (jobs, stage_states, timeline):
        yield table, table.c.version_id.in_(of_asset)
    for table in (removals, versions):
        yield table, table.c.asset_id == number
    yield assets, assets.c.id == number
    yield dispositions, dispositions.c.letter.in_(select(dead_letters.c.id).where(dead_letters.c.asset == name))
    yield dead_letters, dead_letters.c.asset == name
    for table in (execution_events, execution_states, execution_attempts):
        yield table, table.c.execution.in_(_ids(executions, executions.c.asset == name))
    yield executions, executions.c.asset == name


def _ids(table: Table, condition: ColumnElement[bool]) -> Select[tuple[int]]:
    return select(table.c.id).where(condition)
