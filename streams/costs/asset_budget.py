"""What may be spent, and the refusal to spend more: before a call, never after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.streams.costs.estimates import estimate
from headrace.streams.errors import PermanentError
from headrace.streams.results import AssetResults
from headrace.streams.stage import Stage, charges_of


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """US dollars that may be spent on one object version, and on all in a day; None where nobody set a limit."""

    asset: float | None = None
    day: float | None = None


NO_LIMIT = BudgetLimits()


async def check_asset_budget(stage: Stage, record: Any, shelf: AssetResults, budget: BudgetLimits) -> None:
    """Refuse a stage's paid call that would go over the budget. Raises `Unprocessable`, `budget`.

    What was spent is what the stored results cost: stages at work at the same time do not see each other's calls.
    """
    if budget.asset is None or not stage.paid_operations:
        return
    spent = sum(charge.usd for event in await shelf.events() for charge in charges_of(event))
    more = estimate(stage, record) or 0.0
    if spent + more > budget.asset:
        why = f"${spent:.4f} are spent on this version and this is ${more:.4f} more, the budget is ${budget.asset:g}"
        raise PermanentError("budget", why)
