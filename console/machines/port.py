"""What the services need: the commands of the engine, and a reader of executions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from headrace.console.machines.arns import ArnFactory
from headrace.console.machines.map_run_limits import StoredLimits
from headrace.console.machines.pending import PendingStarts, RecentAnswers
from headrace.console.views.queries.execution_states import MapRunView, StateAttempt, StateVisit
from headrace.console.views.queries.executions import (
    ExecutionFilter,
    ExecutionPosition,
    StoredEvent,
    StoredExecution,
)
from headrace.streams.executions.definitions import (
    DefinitionRecord,
    DefinitionTable,
    MachineRecord,
    ResolvedMachine,
)
from headrace.streams.machines.execution.record import MapRunLimits
from headrace.streams.machines.json_types import Json


class MachineCommands(Protocol):
    """The commands of the engine. Each returns once Kafka has acknowledged its records."""

    async def deploy(self, machine: MachineRecord, definition: bytes) -> None:
        """Write a machine and its definition."""
        ...

    async def put(self, content: DefinitionRecord) -> None:
        """Write a machine, a version, an alias or an activity."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove machines, versions, aliases and activities by their keys."""
        ...

    async def start(self, resolved: ResolvedMachine, name: str, value: Json, *, generated_name: bool = False) -> str:
        """Start an execution and return its ARN."""
        ...

    async def stop(self, execution: str, redrives: int, error: str | None = None, cause: str | None = None) -> None:
        """Stop an execution."""
        ...

    async def redrive(
        self, execution: str, number: int, inputs: Mapping[str, Json] | None = None, revision: str | None = None
    ) -> None:
        """Run an execution again from its failed states."""
        ...

    async def task_success(self, token: str, output: Json) -> None:
        """Answer a task."""
        ...

    async def task_failure(self, token: str, error: str | None = None, cause: str | None = None) -> None:
        """Let a task fail."""
        ...

    async def task_heartbeat(self, token: str) -> None:
        """Extend the heartbeat of a task."""
        ...

    async def task_started(self, execution: str, task: str) -> None:
        """Record that a worker of an activity runs a task."""
        ...

    async def update_map_run(self, execution: str, run: str, limits: MapRunLimits) -> None:
        """Change the limits of a run of an execution; `run` is its ARN."""
        ...


class ExecutionReader(Protocol):
    """Reads executions, as far as the views have them."""

    def one(self, arn: str) -> StoredExecution | None:
        """Return an execution; None if it is unknown."""
        ...

    def newest(
        self, query: ExecutionFilter, limit: int, after: ExecutionPosition | None = None
    ) -> list[StoredExecution]:
        """Return executions, newest first."""
        ...

    def count(self, query: ExecutionFilter) -> dict[str, int]:
        """Count executions by status."""
        ...

    def events(self, arn: str, limit: int, after: int | None = None, reverse: bool = False) -> list[StoredEvent]:
        """Return events of a history."""
        ...

    def boundary_events(self, execution: StoredExecution) -> Sequence[StoredEvent]:
        """Return the first and the last event of a history."""
        ...

    def recent_counts(self, since: float) -> dict[str, dict[str, int]]:
        """Count the executions that run, or have started since a time, by machine and status."""
        ...

    def visit_events(self, arn: str, visit: int, limit: int) -> list[StoredEvent]:
        """Return the events of one visit of a state."""
        ...

    def earlier_exits(self, arn: str, visit: int) -> list[StoredEvent]:
        """Return the events with which states before a visit ended, newest first."""
        ...

    def visits(self, execution: StoredExecution) -> list[StateVisit]:
        """Return the visits of states."""
        ...

    def running_states(self, machine: str) -> dict[str, int]:
        """Count the open visits of all running executions of a machine, by state."""
        ...

    def map_runs(self, execution: StoredExecution) -> list[StateAttempt]:
        """Return the runs of distributed Maps."""
        ...

    def map_run(self, arn: str) -> MapRunView | None:
        """Return a run by its ARN."""
        ...


class ActivityTask(NamedTuple):
    """A task for a worker of an activity. `input` is JSON."""

    token: str
    input: str
    execution: str
    task: str


TakeActivityTask = Callable[[str, float], Awaitable[ActivityTask | None]]
"""Returns a task of an activity by its ARN, or None after some seconds."""
LoadDetails = Callable[[str], bytes]
"""Returns large details by their pointer, which is JSON."""


@dataclass(frozen=True, slots=True)
class MachineServices:
    """The dependencies of the services. `seed` returns a random number of 63 bits."""

    table: DefinitionTable
    commands: MachineCommands
    reader: ExecutionReader
    load_details: LoadDetails
    take_activity_task: TakeActivityTask
    arns: ArnFactory
    now: Callable[[], datetime]
    seed: Callable[[], int]
    pending: PendingStarts
    recent: RecentAnswers
    map_run_limits: StoredLimits


ApiParams = dict[str, Any]
"""The members of a request or a response, as botocore names them."""
