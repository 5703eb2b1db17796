"""The checks of `headrace doctor`, the views, gaps, losses and workers. Each problem names its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from headrace.console.errors import CommandError, UnavailableError
from headrace.console.views import status as views_status
from headrace.console.views.queries.operations import worker_reports
from headrace.console.web.failures import problem_of
from headrace.console.web.page import ApiOperation, LiveFeed, WebPage, WebRoute
from headrace.console.web.rendering import render_fragment
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices

LIVE = "/live/health"
LIVE_SECONDS = 5.0


def show(request: ConsoleRequest) -> Response:
    """Show the last results of the checks; a run in the background replaces old ones."""
    return request.render("health.html", health=_health(request.services))


def read_live(services: ConsoleServices) -> Mapping[str, str]:
    """Return the events of the live feed."""
    return {"health": render_fragment("_health.html", health=_health(services))}


def api_doctor(request: ConsoleRequest) -> dict[str, Any]:
    """Answer the operation."""
    found = request.services.checks()
    if found is None:
        raise UnavailableError("the checks are running: repeat the request in a few seconds")
    return {"at": found.at, "checks": [asdict(each) for each in found.value]}


def api_views(request: ConsoleRequest) -> dict[str, Any]:
    """Answer the operation."""
    return views_status.serialize(request.services.views_status())


def api_workers(request: ConsoleRequest) -> list[dict[str, Any]]:
    """Answer the operation."""
    with request.services.connect() as connection:
        reports = worker_reports(connection)
    return [{name: str(getattr(each, name)) for name in each.__struct_fields__} for each in reports]


def _health(services: ConsoleServices) -> dict[str, Any]:
    """Return what the page shows. A part whose source is down is left out, with the reason."""
    health: dict[str, Any] = {"checks": services.checks(), "views": None, "workers": (), "problems": []}
    try:
        health["views"] = services.views_status()
    except Exception as error:
        health["problems"].append(_outage(error))
    try:
        with services.connect() as connection:
            health["workers"] = worker_reports(connection)
    except UnavailableError as error:
        health["problems"].append(str(error))
    health["problems"] = list(dict.fromkeys(health["problems"]))
    return health


def _outage(error: Exception) -> str:
    """Describe an outage. Raises the error if it is none."""
    problem = problem_of(error)
    if problem is None or not (problem.is_outage or isinstance(error, CommandError)):
        raise error
    return problem.message


PAGE = WebPage(
    title="Health",
    path="/health",
    routes=(WebRoute("/health", show),),
    api=(
        ApiOperation("/api/doctor", api_doctor, "Results of the last checks of headrace doctor, with remedies"),
        ApiOperation("/api/views", api_views, "Lag, unreadable records and gaps", command="headrace views status"),
        ApiOperation("/api/workers", api_workers, "Last report of each worker on each stage"),
    ),
    feeds=(LiveFeed(LIVE, read_live, LIVE_SECONDS),),
)
