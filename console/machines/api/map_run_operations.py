"""Operations on the runs of distributed Maps."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.console.machines import map_runs, starts
from headrace.console.machines.api import paging
from headrace.console.machines.errors import invalid
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.console.views.queries.execution_states import StateAttempt
from headrace.console.views.queries.executions import StoredExecution
from headrace.streams.machines.execution.record import MapRunLimits

_COUNTS = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timedOut",
    "ABORTED": "aborted",
}
_LIMITS = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
"""The members of a request, in the order of the fields of `MapRunLimits`."""


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
    found = map_runs.find(services, params["mapRunArn"])
    counts = {name: found.counts.get(status, 0) for status, name in _COUNTS.items()}
    limits = found.limits
    written = counts["succeeded"] if found.run.status == "succeeded" else 0
    counts |= {"pending": found.pending, "total": found.total, "resultsWritten": written}
    return {
        "mapRunArn": found.arn,
        "executionArn": found.execution.arn,
        "status": found.status,
        **_times(found.run, found.execution),
        "maxConcurrency": limits.concurrency,
        "toleratedFailureCount": limits.tolerated_count,
        "toleratedFailurePercentage": limits.tolerated_percentage,
        "itemCounts": counts,
        "executionCounts": counts,
        "redriveCount": found.run.redrives,
        **({"redriveDate": _time(found.run.redriven_at)} if found.run.redriven_at else {}),
    }


async def update_map_run(params: ApiParams, services: MachineServices) -> ApiParams:
    """Change the limits of a run while it runs. A request changes those that it has."""
    found = map_runs.find(services, params["mapRunArn"])
    limits = MapRunLimits(*(params.get(name) for name in _LIMITS))
    if limits == MapRunLimits():
        raise invalid(f"You must specify at least one of {', '.join(_LIMITS)}", "MISSING_REQUIRED_PARAMETER")
    if found.status != "RUNNING":
        raise invalid("Map Run has completed and cannot be updated", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
    await services.commands.update_map_run(found.execution.arn, found.arn, limits)
    await services.map_run_limits.put(found.arn, limits)
    return {}


def _times(run: StateAttempt, execution: StoredExecution) -> ApiParams:
    ended = run.ended_at or execution.stopped_at
    return {"startDate": _time(run.scheduled_at), **({"stopDate": _time(ended)} if ended else {})}


def _label(arn: str) -> str:
    return arn.rpartition("/")[2].partition(":")[0]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
