"""Check a paid call against the budgets of the deployment."""

from __future__ import annotations

from headrace.schemas.records import Event
from headrace.streams.costs.asset_budget import check_asset_budget
from headrace.streams.engine.context import RunnerContext
from headrace.streams.results import AssetResults
from headrace.streams.stage import Stage


async def check_budgets(stage: Stage, event: Event, results: AssetResults, context: RunnerContext) -> None:
    """Check the budget of the asset, and reserve the cost from that of the day.

    Raises:
        PermanentError: Code `budget`: the call would exceed a limit.
    """
    await check_asset_budget(stage, event, results, context.budget, context.prices)
    if context.day is not None:
        context.day.reserve(stage, event, context.clock())
