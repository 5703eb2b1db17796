"""Read executions from the views."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.console.views.queries import execution_states, executions
from headrace.console.views.queries.execution_states import MapRunView, StateAttempt, StateVisit
from headrace.console.views.queries.executions import (
    ExecutionFilter,
    ExecutionPosition,
    StoredEvent,
    StoredExecution,
)
from headrace.console.views.queries.history import Connect


class ViewExecutions:
    """Reads executions from the views, on every call."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def one(self, arn: str) -> StoredExecution | None:
        """Return an execution; None if it is unknown."""
        with self._connect() as connection:
            return executions.one(connection, arn)

    def newest(
        self, query: ExecutionFilter, limit: int, after: ExecutionPosition | None = None
    ) -> list[StoredExecution]:
        """Return executions, newest first."""
        with self._connect() as connection:
            return executions.newest(connection, query, limit, after)

    def count(self, query: ExecutionFilter) -> dict[str, int]:
        """Count executions by status."""
        with self._connect() as connection:
            return executions.count(connection, query)

    def events(self, arn: str, limit: int, after: int | None = None, reverse: bool = False) -> list[StoredEvent]:
        """Return events of a history."""
        with self._connect() as connection:
            return executions.events(connection, arn, limit, after, reverse)

    def boundary_events(self, execution: StoredExecution) -> Sequence[StoredEvent]:
        """Return the first and the last event of a history."""
        with self._connect() as connection:
            return executions.boundary_events(connection, execution)

    def recent_counts(self, since: float) -> dict[str, dict[str, int]]:
        """Count the executions that run, or have started since a time, by machine and status."""
        with self._connect() as connection:
            return executions.recent_counts(connection, since)

    def visit_events(self, arn: str, visit: int, limit: int) -> list[StoredEvent]:
        """Return the events of one visit of a state."""
        with self._connect() as connection:
            return executions.visit_events(connection, arn, visit, limit)

    def earlier_exits(self, arn: str, visit: int) -> list[StoredEvent]:
        """Return the events with which states before a visit ended, newest first."""
        with self._connect() as connection:
            return executions.earlier_exits(connection, arn, visit)

    def visits(self, execution: StoredExecution) -> list[StateVisit]:
        """Return the visits of states."""
        with self._connect() as connection:
            return execution_states.visits(connection, execution)

    def running_states(self, machine: str) -> dict[str, int]:
        """Count the open visits of all running executions of a machine, by state."""
        with self._connect() as connection:
            return execution_states.running_states(connection, machine)

    def map_runs(self, execution: StoredExecution) -> list[StateAttempt]:
        """Return the runs of distributed Maps."""
        with self._connect() as connection:
            return execution_states.map_runs(connection, execution)

    def map_run(self, arn: str) -> MapRunView | None:
        """Return a run by its ARN."""
        with self._connect() as connection:
            return execution_states.map_run(connection, arn)
