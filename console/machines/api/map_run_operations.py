"""Operations on the runs of distributed Maps."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.console.machines import map_runs, starts
from headrace.console.machines.api import paging
from headrace.console.machines.errors import invalid
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.console.views.queries.execution_states import StateAttempt
from headrace.console.views.queries.executions import StoredExecution

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
    found = map_runs.find(services, params["mapRunArn"])
    counts = {name: found.counts.get(status, 0) for status, name in _COUNTS.items()}
    written = counts["succeeded"] if found.run.status == "succeeded" else 0
    counts |= {"pending": found.pending, "total": found.total, "resultsWritten": written}
    return {
        "mapRunArn": found.arn,
        "executionArn": found.execution.arn,
        "status": found.status,
        **_times(found.run, found.execution),
        "maxConcurrency": found.limits.concurrency,
        "toleratedFailureCount": found.limits.failures,
        "toleratedFailurePercentage": found.limits.failure_percentage,
        "itemCounts": counts,
        "executionCounts": counts,
        "redriveCount": found.run.redrives,
        **({"redriveDate": _time(found.run.redriven_at)} if found.run.redriven_at else {}),
    }


async def update_map_run(params: ApiParams, services: MachineServices) -> ApiParams:
    """Refuse to change a run: its limits are those of the definition."""
    if map_runs.find(services, params["mapRunArn"]).run.ended_at is not None:
        raise invalid("Map Run has completed and cannot be updated", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
    raise invalid("Headrace does not change the limits of a Map Run: deploy a definition with other ones")


def _times(run: StateAttempt, execution: StoredExecution) -> ApiParams:
    ended = run.ended_at or execution.stopped_at
    return {"startDate": _time(run.scheduled_at), **({"stopDate": _time(ended)} if ended else {})}


def _label(arn: str) -> str:
    return arn.rpartition("/")[2].partition(":")[0]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
