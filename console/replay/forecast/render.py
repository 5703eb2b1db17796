"""Forecasts as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from headrace.console.replay.forecast.effects import EffectKind
from headrace.console.replay.forecast.summary import ForecastSummary
from headrace.console.terminal.formatting import pluralize

WORDS: dict[EffectKind, str] = {
    "stored": "emitted again from the store",
    "joined": "looked at again by a fan-in",
    "worked": "worked again, free of charge",
    "paid": "worked again by a paid call",
    "superseded": "overtaken by a newer version",
    "unwanted": "not wanted by the stage",
    "given-up": "given up again: nobody can read them",
}


def forecast_json(of: ForecastSummary | None) -> dict[str, Any] | None:
    """Tell what a replay will do and cost; None where nobody looked."""
    if of is None:
        return None
    return {**asdict(of), "is_exact": of.is_exact, "estimated_usd": round(of.of_all(of.usd), 4)}


def print_forecast(of: ForecastSummary | None, console: Console) -> None:
    """Print what a replay will do and cost."""
    if of is None or not of.records:
        return
    about = "" if of.is_exact else f"about, from {of.looked:,} that were looked at: "
    said = (f"{of.of_all(of.counts[kind]):,.0f} {words}" for kind, words in WORDS.items() if of.counts.get(kind))
    console.print(f"{pluralize(of.records, 'record')}: {about}{', '.join(said)}")
    if of.counts.get("paid"):
        more = f", and {of.of_all(of.unpriced):,.0f} calls whose price is not known" if of.unpriced else ""
        console.print(f"[bold]to be paid: ${of.of_all(of.usd):,.4f} at AWS's list prices{more}[/]")
    if of.counts.get("paid") or of.counts.get("worked"):
        console.print("what the stages after it make of new results is not counted")
