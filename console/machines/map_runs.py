"""Runs of distributed Maps, with the numbers of their child executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.console.machines import arns, catalog, starts
from headrace.console.machines.errors import resource_missing
from headrace.console.machines.map_states import map_state
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.execution_states import StateAttempt
from headrace.console.views.queries.executions import ExecutionFilter, StoredExecution
from headrace.streams.machines.execution.record import MapRunLimits

_STATUS = {"running": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED"}


@dataclass(frozen=True, slots=True)
class MapRunProgress:
    """A run: its state, its executions by status, and how many items wait. `stopped_at` is None while it runs."""

    run: StateAttempt
    execution: StoredExecution
    state: str
    status: str
    stopped_at: float | None
    counts: Mapping[str, int]
    pending: int
    limits: MapRunLimits
    """Those of the last change, else of the definition; 0 for one that is not set, or that an expression computes."""

    @property
    def arn(self) -> str:
        """The ARN of the run."""
        return self.run.resource

    @property
    def total(self) -> int:
        """The number of child executions, with those that have not started."""
        return sum(self.counts.values()) + self.pending


def find(services: MachineServices, arn: str) -> MapRunProgress:
    """Return a run.

    Raises:
        MachineServiceError: The text is no ARN of a run, or it does not exist.
    """
    arns.parse(arn, "mapRun")
    view = services.reader.map_run(arn)
    if view is None:
        raise resource_missing(arn)
    execution = starts.find(services, view.execution)
    state = map_state(catalog.definition_text(services, execution.revision), view.state)
    counts = services.reader.count(ExecutionFilter(map_run=arn))
    is_open = view.run.status == "running"
    pending = max(0, (view.run.items or 0) - sum(counts.values())) if is_open else 0
    limits = MapRunLimits(
        _constant(state, "MaxConcurrency", int),
        _constant(state, "ToleratedFailureCount", int),
        _constant(state, "ToleratedFailurePercentage", int | float),
    )
    limits = limits.changed(services.map_run_limits.get(arn))
    stopped_at = view.run.ended_at or execution.stopped_at
    status = status_of(view.run, execution)
    return MapRunProgress(view.run, execution, view.state, status, stopped_at, counts, pending, limits)


def status_of(run: StateAttempt, execution: StoredExecution) -> str:
    """Return the status of a run: one that was open when its execution ended was aborted with it."""
    if run.status == "running" and execution.status != starts.RUNNING:
        return "ABORTED"
    return _STATUS.get(run.status, "ABORTED")


def _constant(state: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = state.get(name, 0)
    return value if isinstance(value, kind) and not isinstance(value, bool) else 0
