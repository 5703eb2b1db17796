"""What the results cost, by day, stage, service and asset, and what queued records may cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from starlette.responses import Response

from headrace.console.assets.asset_event import NANO
from headrace.console.pipeline import spent
from headrace.console.pipeline.spent import CostGroup
from headrace.console.views.queries import activity
from headrace.console.views.queries.operations import saved_nanos, spent_nanos
from headrace.console.web.failures import InvalidRequestError, problem_of
from headrace.console.web.page import ApiOperation, ApiParameter, WebPage, WebRoute
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices
from headrace.streams.stage import Stage

DAYS = 30
ASSETS = 20
MEAN_DAYS = 7


@dataclass(frozen=True, slots=True)
class StageForecast:
    """What the waiting records of a stage may cost: their number times the mean cost of a recent result."""

    stage: str
    records: int
    usd: float


def show(request: ConsoleRequest) -> Response:
    """Show the costs."""
    services = request.services
    with services.connect() as connection:
        days = spent.ranked(spent_nanos(connection, "day"), "day")
        stages = spent.ranked(spent_nanos(connection, "stage"), "stage")
        assets = spent.ranked(spent_nanos(connection, "asset"), "asset")
        saved = sum(saved_nanos(connection, "day").values()) / NANO
        refused = activity.refused_by_budget(connection)
    today = datetime.fromtimestamp(services.now(), UTC).strftime("%Y-%m-%d")
    forecast, problem = _forecast(services)
    shown = dict(list(days.items())[-DAYS:])
    return request.render(
        "cost.html",
        today=days.get(today, 0.0),
        budget=services.daily_budget(),
        total=sum(days.values()),
        saved=saved,
        days=dict(reversed(shown.items())),
        highest=max(shown.values(), default=0.0),
        stages=stages,
        by_service=by_service(stages, services.stages()),
        assets=dict(list(assets.items())[:ASSETS]),
        more_assets=max(0, len(assets) - ASSETS),
        refused=refused,
        forecast=forecast,
        problem=problem,
    )


def by_service(costs: Mapping[str, float], stages: Sequence[Stage]) -> dict[str, float]:
    """Sum the costs of stages by the AWS service that they call, highest first."""
    services = {stage.name: stage.paid_operations[0].partition(".")[0] for stage in stages if stage.paid_operations}
    sums: dict[str, float] = defaultdict(float)
    for stage, usd in costs.items():
        sums[services.get(stage, "other")] += usd
    return dict(sorted(sums.items(), key=lambda each: (-each[1], each[0])))


def forecast(services: ConsoleServices) -> tuple[StageForecast, ...]:
    """Estimate the cost of the records that wait for paid stages."""
    with services.connect() as connection:
        means = activity.mean_costs(connection, services.now(), MEAN_DAYS)
    waiting = {each.stage: each.lag + each.waiting for each in services.pipeline().current().status.stages}
    return tuple(
        StageForecast(stage, records, records * means[stage] / 1e9)
        for stage, records in waiting.items()
        if records and means.get(stage)
    )


def api_cost(request: ConsoleRequest) -> dict[str, float]:
    """Answer the operation."""
    wanted = request.query.get("by", "stage")
    for by in get_args(CostGroup):
        if by == wanted:
            with request.services.connect() as connection:
                return spent.ranked(spent_nanos(connection, by), by)
    raise InvalidRequestError(f"by is one of {', '.join(get_args(CostGroup))}")


def api_forecast(request: ConsoleRequest) -> list[dict[str, Any]]:
    """Answer the operation."""
    return [asdict(each) for each in forecast(request.services)]


def _forecast(services: ConsoleServices) -> tuple[tuple[StageForecast, ...], str]:
    """Return the forecast; while Kafka is down, nothing and the reason."""
    try:
        return forecast(services), ""
    except Exception as error:
        problem = problem_of(error)
        if problem is None or not problem.is_outage:
            raise
        return (), problem.message


PAGE = WebPage(
    title="Cost",
    path="/cost",
    routes=(WebRoute("/cost", show),),
    api=(
        ApiOperation(
            "/api/cost",
            api_cost,
            "Cost of the results in US dollars",
            (ApiParameter("by", "string", "What to sum by", values=get_args(CostGroup)),),
            command="headrace cost",
        ),
        ApiOperation("/api/cost/forecast", api_forecast, "Estimated cost of the records that wait for paid stages"),
    ),
)
