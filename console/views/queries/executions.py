"""Executions of state machines in the views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, tuple_

from headrace.console.views.fold_executions import execution_number
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import execution_events, executions


@dataclass(frozen=True, slots=True)
class StoredExecution:
    """An execution. Times are in seconds since 1970; `version`, `alias`, `parent` and `map_run` say what started it."""

    arn: str
    name: str
    machine: str
    revision: str
    version: int | None
    alias: str | None
    parent: str | None
    map_run: str | None
    asset: str | None
    status: str
    started_at: float
    stopped_at: float | None
    redrives: int
    redriven_at: float | None
    error: str | None
    cause: str | None
    last_event: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a history. `details` is JSON; it is empty if `pointer`, which is JSON, has them."""

    id: int
    previous: int
    at: float
    type: str
    details: str
    pointer: str | None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Criteria for executions; None matches everything. `started_since` and `started_until` are inclusive."""

    machine: str | None = None
    version: int | None = None
    alias: str | None = None
    status: str | None = None
    map_run: str | None = None
    parent: str | None = None
    asset: str | None = None
    redriven: bool | None = None
    error: str | None = None
    started_since: float | None = None
    started_until: float | None = None


@dataclass(frozen=True, slots=True)
class ExecutionPosition:
    """The place of an execution in a list, newest first."""

    started_at: float
    arn: str


_NAMES = tuple(each.name for each in fields(StoredExecution))
_EVENT_NAMES = ("event", "previous", "at", "type", "details", "pointer")
_CHUNK = 500
_EQUAL = ("machine", "alias", "status", "map_run", "parent", "asset", "error")


def one(connection: Connection, arn: str) -> StoredExecution | None:
    """Return an execution; None if the views do not have it."""
    wanted = executions.c.id == execution_number(arn)
    row = connection.execute(_columns().where(wanted, executions.c.arn == stored_argument(arn))).one_or_none()
    return None if row is None else _execution(row)


def newest(
    connection: Connection, query: ExecutionFilter, limit: int, after: ExecutionPosition | None = None
) -> list[StoredExecution]:
    """Return the executions that match, newest first, at most `limit`, behind a position."""
    columns = executions.c
    statement = _columns().where(*conditions(query))
    if after is not None:
        place = (after.started_at, execution_number(after.arn))
        statement = statement.where(tuple_(columns.started_at, columns.id) < tuple_(*place))
    ordered = statement.order_by(columns.started_at.desc(), columns.id.desc()).limit(limit)
    return [_execution(row) for row in connection.execute(ordered)]


def count(connection: Connection, query: ExecutionFilter) -> dict[str, int]:
    """Count the executions that match, by status."""
    statement = select(executions.c.status, func.count()).where(*conditions(query)).group_by(executions.c.status)
    return {row[0]: row[1] for row in connection.execute(statement)}


def events(
    connection: Connection, arn: str, limit: int, after: int | None = None, reverse: bool = False
) -> list[StoredEvent]:
    """Return the events of an execution behind an event, oldest first or in reverse, at most `limit`."""
    columns = execution_events.c
    statement = select(*(columns[name] for name in _EVENT_NAMES)).where(columns.execution == execution_number(arn))
    if after is not None:
        statement = statement.where(columns.event < after if reverse else columns.event > after)
    ordered = statement.order_by(columns.event.desc() if reverse else columns.event).limit(limit)
    return [_event(row) for row in connection.execute(ordered)]


def boundary_events(connection: Connection, execution: StoredExecution) -> Sequence[StoredEvent]:
    """Return the first and the last event of a history: they have the input and the output."""
    columns = execution_events.c
    wanted = (columns.execution == execution_number(execution.arn), columns.event.in_((1, execution.last_event)))
    statement = select(*(columns[name] for name in _EVENT_NAMES)).where(*wanted).order_by(columns.event)
    return [_event(row) for row in connection.execute(statement)]


def recent_counts(connection: Connection, since: float) -> dict[str, dict[str, int]]:
    """Count the executions that run, or have started since a time, by machine and status."""
    columns = executions.c
    ended = columns.status.in_(("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")) & (columns.started_at >= since)
    statement = select(columns.machine, columns.status, func.count()).where((columns.status == "RUNNING") | ended)
    counts: dict[str, dict[str, int]] = {}
    for machine, status, number in connection.execute(statement.group_by(columns.machine, columns.status)):
        counts.setdefault(from_stored(machine), {})[status] = number
    return counts


def visit_events(connection: Connection, arn: str, visit: int, limit: int) -> list[StoredEvent]:
    """Return the events of one visit of a state, without those of states inside it, at most `limit`."""
    columns = execution_events.c
    wanted = (columns.execution == execution_number(arn), columns.visit == visit)
    statement = select(*(columns[name] for name in _EVENT_NAMES)).where(*wanted).order_by(columns.event).limit(limit)
    return [_event(row) for row in connection.execute(statement)]


def earlier_exits(connection: Connection, arn: str, visit: int) -> list[StoredEvent]:
    """Return the events with which states before a visit ended, newest first: those whose variables it sees."""
    columns, number = execution_events.c, execution_number(arn)
    own = (columns.execution == number, columns.event <= visit)
    rows = connection.execute(select(columns.event, columns.previous, columns.type, columns.visit).where(*own))
    links = {event: (previous, kind, of) for event, previous, kind, of in rows}
    found: list[int] = []
    at = visit
    while (link := links.get(at)) is not None:
        previous, kind, of = link
        if kind.endswith("StateExited"):
            found.append(at)
            previous = links[of][0] if of in links else 0
        if previous >= at:
            break
        at = previous
    statement = select(*(columns[name] for name in _EVENT_NAMES)).where(columns.execution == number)
    chunks = (found[start : start + _CHUNK] for start in range(0, len(found), _CHUNK))
    events_ = [_event(row) for ids in chunks for row in connection.execute(statement.where(columns.event.in_(ids)))]
    return sorted(events_, key=lambda event: -event.id)


def conditions(query: ExecutionFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter."""
    columns = executions.c
    found = [columns[name] == stored_argument(value) for name in _EQUAL if (value := getattr(query, name)) is not None]
    if query.version is not None:
        found.append(columns.version == query.version)
    if query.redriven is not None:
        found.append(columns.redrives > 0 if query.redriven else columns.redrives == 0)
    if query.started_since is not None:
        found.append(columns.started_at >= query.started_since)
    if query.started_until is not None:
        found.append(columns.started_at <= query.started_until)
    return found


def _columns() -> Any:
    return select(*(executions.c[name] for name in _NAMES))


def _execution(row: Row[Any]) -> StoredExecution:
    return StoredExecution(*(_text(value) for value in row))


def _event(row: Row[Any]) -> StoredEvent:
    return StoredEvent(*(_text(value) for value in row))


def _text(value: Any) -> Any:
    return from_stored(value) if isinstance(value, str) else value
