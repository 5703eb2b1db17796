"""Forecasts as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.console.replay.forecast.effects import EffectKind
from headrace.console.replay.forecast.summary import ForecastSummary
from headrace.console.terminal.formatting import pluralize
from headrace.console.terminal.screen import Console

LABELS: dict[EffectKind, str] = {
    "stored": "re-emitted from the results store",
    "reused": "reused from identical content",
    "joined": "checked again by a fan-in",
    "worked": "processed again without a billed call",
    "paid": "processed again with a billed call",
    "superseded": "superseded by a newer version",
    "unwanted": "not accepted by the stage",
    "given-up": "dead-lettered again",
}


def forecast_json(of: ForecastSummary | None) -> dict[str, Any] | None:
    """Return the forecast as JSON fields, or None without a forecast."""
    if of is None:
        return None
    return {**asdict(of), "is_exact": of.is_exact, "estimated_usd": round(of.of_all(of.usd), 4)}


def print_forecast(of: ForecastSummary | None, console: Console) -> None:
    """Print the effects and the cost of a replay."""
    if of is None or not of.records:
        return
    about = "" if of.is_exact else f"estimated from {of.looked:,} sampled records: "
    effects = (f"{of.of_all(of.counts[kind]):,.0f} {label}" for kind, label in LABELS.items() if of.counts.get(kind))
    console.print(f"{pluralize(of.records, 'record')}: {about}{', '.join(effects)}")
    if of.counts.get("paid"):
        more = f", plus {of.of_all(of.unpriced):,.0f} calls without a known price" if of.unpriced else ""
        console.print(f"cost: ${of.of_all(of.usd):,.4f} at AWS's list prices{more}", style="bold")
    if of.counts.get("paid") or of.counts.get("worked"):
        console.print("Costs of downstream stages are not included.")
