"""Operations on the runs of distributed Maps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.console.machines import arns, catalog, starts
from headrace.console.machines.api import paging
from headrace.console.machines.errors import invalid, resource_missing
from headrace.console.machines.map_states import map_state
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.console.views.queries.execution_states import MapRunView, StateAttempt
from headrace.console.views.queries.executions import ExecutionFilter, StoredExecution

_STATUS = {"running": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED"}
_COUNTS = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timedOut",
    "ABORTED": "aborted",
}


async def list_map_runs(params: ApiParams, services: MachineServices) -> ApiParams:
    """List the runs of an execution."""
    execution = starts.find(services, params["executionArn"])
    runs = services.reader.map_runs(execution)
    chosen, more = paging.page(params, "map-runs", runs, lambda run: run.resource)
    listed = [
        {
            "executionArn": execution.arn,
            "mapRunArn": run.resource,
            "stateMachineArn": f"{execution.machine}/{_label(run.resource)}",
            **_times(run, execution),
        }
        for run in chosen
    ]
    return {"mapRuns": listed, **more}


async def describe_map_run(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return a run with the numbers of its child executions."""
    view = _find(params["mapRunArn"], services)
    execution = starts.find(services, view.execution)
    counts = dict.fromkeys(_COUNTS.values(), 0)
    found = services.reader.count(ExecutionFilter(map_run=view.run.resource))
    counts |= {_COUNTS[status]: number for status, number in found.items() if status in _COUNTS}
    started = sum(counts.values())
    pending = max(0, (view.run.items or 0) - started) if view.run.status == "running" else 0
    written = counts["succeeded"] if view.run.status == "succeeded" else 0
    counts |= {"pending": pending, "total": started + pending, "resultsWritten": written}
    return {
        "mapRunArn": view.run.resource,
        "executionArn": execution.arn,
        "status": _status(view.run, execution),
        **_times(view.run, execution),
        **_limits(services, execution, view),
        "itemCounts": counts,
        "executionCounts": counts,
        "redriveCount": view.run.redrives,
        **({"redriveDate": _time(view.run.redriven_at)} if view.run.redriven_at else {}),
    }


async def update_map_run(params: ApiParams, services: MachineServices) -> ApiParams:
    """Refuse to change a run: its limits are those of the definition."""
    view = _find(params["mapRunArn"], services)
    if view.run.ended_at is not None:
        raise invalid("Map Run has completed and cannot be updated", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
    raise invalid("Headrace does not change the limits of a Map Run: deploy a definition with other ones")


def _find(arn: str, services: MachineServices) -> MapRunView:
    arns.parse(arn, "mapRun")
    view = services.reader.map_run(arn)
    if view is None:
        raise resource_missing(arn)
    return view


def _limits(services: MachineServices, execution: StoredExecution, view: MapRunView) -> ApiParams:
    """Return the limits in the definition; one that an expression computes is shown as its default."""
    state = map_state(catalog.definition_text(services, execution.revision), view.state)
    return {
        "maxConcurrency": _constant(state, "MaxConcurrency", int),
        "toleratedFailureCount": _constant(state, "ToleratedFailureCount", int),
        "toleratedFailurePercentage": _constant(state, "ToleratedFailurePercentage", int | float),
    }


def _constant(state: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = state.get(name, 0)
    return value if isinstance(value, kind) and not isinstance(value, bool) else 0


def _status(run: StateAttempt, execution: StoredExecution) -> str:
    if run.status == "running" and execution.status != starts.RUNNING:
        return "ABORTED"
    return _STATUS.get(run.status, "ABORTED")


def _times(run: StateAttempt, execution: StoredExecution) -> ApiParams:
    ended = run.ended_at or execution.stopped_at
    return {"startDate": _time(run.scheduled_at), **({"stopDate": _time(ended)} if ended else {})}


def _label(arn: str) -> str:
    return arn.rpartition("/")[2].partition(":")[0]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
