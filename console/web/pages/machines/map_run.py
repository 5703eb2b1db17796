"""The page of a run of a distributed Map: its progress, its limits and its child executions."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import ImmutableMultiDict
from starlette.responses import Response

from headrace.console.machines.execution_criteria import STATUSES, ExecutionCriteria
from headrace.console.machines.map_runs import MapRunProgress
from headrace.console.web.pages.machines import criteria
from headrace.console.web.pages.machines.found import map_run_named
from headrace.console.web.request import ConsoleRequest


def show(request: ConsoleRequest) -> Response:
    """Show a run; for htmx only what changes."""
    services = request.services.machines()
    found = map_run_named(services, request.query.get("arn", ""))
    chosen = ExecutionCriteria(map_run=found.arn, status=request.query.get("status", ""))
    page = criteria.read_page(services, _parameters(request, chosen))
    return request.render(
        "_map_run.html" if request.is_partial else "map_run.html",
        found=found,
        machine=found.execution.machine.rpartition(":")[2],
        page=page,
        statuses=STATUSES,
    )


def map_run_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return a run with the numbers of its executions by status."""
    return map_run_document(map_run_named(request.services.machines(), request.query.get("arn", "")))


def map_run_document(found: MapRunProgress) -> dict[str, Any]:
    """Return a run as JSON data."""
    return {
        "arn": found.arn,
        "execution": found.execution.arn,
        "state": found.state,
        "status": found.status,
        "started_at": found.run.scheduled_at,
        "stopped_at": found.stopped_at,
        "executions": dict(found.counts),
        "pending": found.pending,
        "total": found.total,
        "redrives": found.run.redrives,
        "limits": {
            "concurrency": found.limits.concurrency,
            "failures": found.limits.tolerated_count,
            "failure_percentage": found.limits.tolerated_percentage,
        },
    }


def _parameters(request: ConsoleRequest, chosen: ExecutionCriteria) -> Any:
    given = {"map_run": chosen.map_run, "status": chosen.status, "after": request.query.get("after", "")}
    return ImmutableMultiDict(given)
