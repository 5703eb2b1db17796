"""The checks of `headrace doctor`, the views, gaps, losses and workers. Each problem names its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.responses import Response

from headrace.console.check_runner import CheckResult
from headrace.console.views import status as views_status
from headrace.console.views.queries.operations import worker_reports
from headrace.console.views.status import ViewsStatus
from headrace.console.web.background_value import Latest
from headrace.console.web.page import ApiOperation, LiveFeed, WebPage, WebRoute
from headrace.console.web.rendering import render_fragment
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices
from headrace.streams.worker.status_reports import StageStatusReport

LIVE = "/live/health"
LIVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ShownHealth:
    """What the page shows. `views` and `workers` are None before the first read."""

    checks: Latest[tuple[CheckResult, ...]]
    views: ViewsStatus | None
    workers: Sequence[StageStatusReport] | None
    outages: tuple[Latest[Any], ...]


def show(request: ConsoleRequest) -> Response:
    """Show the last results of the checks; a run in the background replaces old ones."""
    return request.render("health.html", health=_health(request.services))


def read_live(services: ConsoleServices) -> Mapping[str, str]:
    """Return the events of the live feed."""
    return {"health": render_fragment("_health.html", health=_health(services))}


def api_doctor(request: ConsoleRequest) -> dict[str, Any]:
    """Answer the operation."""
    latest = request.services.checks()
    return {"checks": [asdict(each) for each in latest.current()], "at": latest.at}


def api_views(request: ConsoleRequest) -> dict[str, Any]:
    """Answer the operation."""
    return views_status.serialize(request.services.views_status().current())


def api_workers(request: ConsoleRequest) -> list[dict[str, Any]]:
    """Answer the operation."""
    with request.services.connect() as connection:
        reports = worker_reports(connection)
    return [{name: str(getattr(each, name)) for name in each.__struct_fields__} for each in reports]


def _health(services: ConsoleServices) -> ShownHealth:
    """Return what the page shows. Reports of workers are left out before the first read of the views."""
    checks, views, figures = services.checks(), services.views_status(), services.figures()
    outages = {each.problem: each for each in (checks, views, figures) if each.problem}
    return ShownHealth(checks, views.value, figures.value.reports if figures.value else None, tuple(outages.values()))


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
