"""Check the budget of an asset before a paid call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList
from headrace.streams.errors import PermanentError
from headrace.streams.results import AssetResults
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """Maximum US dollars per object version and per day; None for no limit."""

    asset: float | None = None
    day: float | None = None


NO_LIMIT = BudgetLimits()


async def check_asset_budget(
    stage: Stage, record: Any, results: AssetResults, budget: BudgetLimits, prices: PriceList
) -> None:
    """Check that a stage's paid call fits the budget of an asset.

    The spending is the cost of the stored results. Concurrent stages do not see each other's calls.

    Raises:
        PermanentError: Code `budget`: the call would exceed the limit.
    """
    if budget.asset is None or not stage.paid_operations:
        return
    spent = sum(charge.usd for charge in await results.charges())
    more = estimate(stage, record, prices) or 0.0
    if spent + more > budget.asset:
        reason = (
            f"budget of ${budget.asset:g} per version exceeded: ${spent:.4f} spent on this version, this call costs "
            f"${more:.4f}"
        )
        raise PermanentError("budget", reason)
