"""The states and attempts of executions in the views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, func, select

from headrace.console.views.fold_executions import execution_number
from headrace.console.views.queries import executions
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.queries.executions import ExecutionFilter, StoredExecution
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import execution_attempts, execution_states
from headrace.console.views.tables import executions as execution_table

MOST_EXECUTIONS = 20
"""Executions of an asset, the newest."""


@dataclass(frozen=True, slots=True)
class StateAttempt:
    """An attempt of a task, or a run of a distributed Map, whose `resource` is its ARN. Times are in seconds."""

    scheduled: int
    visit: int
    kind: str
    resource: str
    status: str
    scheduled_at: float
    started_at: float | None
    ended_at: float | None
    error: str | None
    cause: str | None
    redrives: int
    redriven_at: float | None
    items: int | None


@dataclass(frozen=True, slots=True)
class StateVisit:
    """A visit of a state. `entered` is its event; `parent` that of the Parallel or Map state around it, or 0.

    `status` is running, waiting, retrying, succeeded, failed or aborted.
    """

    entered: int
    state: str
    type: str
    parent: int
    iteration: int | None
    status: str
    entered_at: float
    exited_at: float | None
    attempts: int
    attempt: int
    last_type: str
    error: str | None
    cause: str | None
    level: int = 0
    tries: tuple[StateAttempt, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MapRunView:
    """A run of a distributed Map, and the execution that it belongs to."""

    execution: str
    run: StateAttempt
    state: str


def visits(connection: Connection, execution: StoredExecution) -> list[StateVisit]:
    """Return the visits of an execution in the order in which they began, with their attempts."""
    number = execution_number(execution.arn)
    tries: dict[int, list[StateAttempt]] = {}
    for each in _attempts(connection, execution_attempts.c.execution == number):
        tries.setdefault(each.visit, []).append(each)
    columns = [column for column in execution_states.columns if column.name != "execution"]
    statement = select(*columns).where(execution_states.c.execution == number).order_by(execution_states.c.entered)
    levels: dict[int, StateVisit] = {}
    for row in connection.execute(statement):
        visit = StateVisit(*map(_text, row))
        around = levels.get(visit.parent)
        levels[visit.entered] = replace(
            visit,
            status=_status(visit, execution, around),
            level=around.level + 1 if around else 0,
            tries=tuple(tries.get(visit.entered, ())),
        )
    return list(levels.values())


def of_asset(connection: Connection, asset: str) -> list[tuple[StoredExecution, list[StateVisit]]]:
    """Return the newest executions whose input names an asset, `bucket/key`, oldest first, with their states."""
    found = executions.newest(connection, ExecutionFilter(asset=asset), MOST_EXECUTIONS)
    return [(each, visits(connection, each)) for each in reversed(found)]


def as_json(found: Sequence[tuple[StoredExecution, Sequence[StateVisit]]]) -> list[dict[str, Any]]:
    """Return executions with their states as JSON data. Times are in seconds."""
    return [{**asdict(execution), "states": [asdict(visit) for visit in own]} for execution, own in found]


def running_states(connection: Connection, machine: str) -> dict[str, int]:
    """Count the visits that are open in all running executions of a machine, by state."""
    joined = execution_states.join(execution_table, execution_table.c.id == execution_states.c.execution)
    wanted = (execution_table.c.machine == stored_argument(machine), execution_table.c.status == "RUNNING")
    is_open = execution_states.c.status == "running"
    statement = select(execution_states.c.state, func.count()).select_from(joined).where(*wanted, is_open)
    return {from_stored(state): number for state, number in connection.execute(statement.group_by("state"))}


def map_runs(connection: Connection, execution: StoredExecution) -> list[StateAttempt]:
    """Return the runs of distributed Maps of an execution, oldest first."""
    attempts = execution_attempts.c
    return _attempts(connection, attempts.execution == execution_number(execution.arn), attempts.kind == "MapRun")


def map_run(connection: Connection, arn: str) -> MapRunView | None:
    """Return a run by its ARN; None if the views do not have it."""
    wanted = (execution_attempts.c.kind == "MapRun", execution_attempts.c.resource == stored_argument(arn))
    joined = execution_attempts.join(execution_table, execution_table.c.id == execution_attempts.c.execution).join(
        execution_states,
        (execution_states.c.execution == execution_attempts.c.execution)
        & (execution_states.c.entered == execution_attempts.c.visit),
    )
    columns = [column for column in execution_attempts.columns if column.name != "execution"]
    row = connection.execute(
        select(execution_table.c.arn, execution_states.c.state, *columns).select_from(joined).where(*wanted)
    ).first()
    if row is None:
        return None
    owner, state, *values = map(_text, row)
    return MapRunView(owner, StateAttempt(*values), state)


def _attempts(connection: Connection, *wanted: Any) -> list[StateAttempt]:
    columns = [column for column in execution_attempts.columns if column.name != "execution"]
    statement = select(*columns).where(*wanted).order_by(execution_attempts.c.scheduled)
    return [StateAttempt(*map(_text, row)) for row in connection.execute(statement)]


def _status(visit: StateVisit, execution: StoredExecution, around: StateVisit | None) -> str:
    """Return the status of a visit: one that was open when its execution ended was aborted with it."""
    if visit.exited_at is not None:
        return visit.status
    if execution.status != "RUNNING":
        return "failed" if visit.status == "failed" else "aborted"
    if around is not None and around.exited_at is not None:
        return "aborted"
    if visit.status == "failed":
        return "retrying"
    return "waiting" if visit.type == "Wait" else visit.status


def _text(value: Any) -> Any:
    return from_stored(value) if isinstance(value, str) else value
