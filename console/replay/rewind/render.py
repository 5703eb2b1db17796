"""Rewind plans as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.console.replay.forecast.render import forecast_json, print_forecast
from headrace.console.replay.rewind.moves import OffsetChange
from headrace.console.replay.rewind.rewind import RewindPlan
from headrace.console.terminal.formatting import format_time, format_timestamp, pluralize
from headrace.console.terminal.screen import Console, Table, Text


def rewind(plan: RewindPlan) -> dict[str, Any]:
    """Return a rewind plan as JSON data."""
    return {
        "stage": plan.scope.stage.name,
        "group": plan.scope.group,
        "to": plan.target,
        "members": list(plan.members),
        "unmoved": list(plan.scope.unmoved),
        "partitions": [_partition(move) for move in plan.moves],
        "forecast": forecast_json(plan.forecast),
    }


def print_rewind(plan: RewindPlan, console: Console) -> None:
    """Print a rewind plan."""
    console.print(Text.assemble(("rewind", "bold"), f" of {plan.scope.group} to {plan.target}"))
    rows = [move for move in plan.moves if move.replayed or move.skipped]
    if rows:
        console.print(_table(rows))
    if len(rows) < len(plan.moves):
        console.print(f"unchanged: {pluralize(len(plan.moves) - len(rows), 'partition')}")
    if plan.scope.unmoved:
        console.print(f"not moved: {', '.join(plan.scope.unmoved)} (add --topic to move them)")
    if any(move.skipped for move in rows):
        skipped = pluralize(sum(move.skipped for move in rows), "unprocessed record")
        console.print(f"skips {skipped}", style="red")
    print_forecast(plan.forecast, console)


def _partition(move: OffsetChange) -> dict[str, Any]:
    return {
        "topic": move.topic,
        "partition": move.partition,
        "from": move.before,
        "to": move.to,
        "replayed": move.replayed,
        "skipped": move.skipped,
        "oldest": format_timestamp(move.oldest),
        "newest": format_timestamp(move.newest),
    }


def _table(moves: Iterable[OffsetChange]) -> Table:
    table = Table("topic", box=None, pad_edge=False, header_style="bold")
    for column in ("partition", "from", "to", "replayed", "skipped"):
        table.add_column(column, justify="right")
    for column in ("oldest", "newest"):
        table.add_column(column)
    for move in moves:
        before = "none" if move.before is None else str(move.before)
        numbers = (move.to, move.replayed, move.skipped)
        times = (format_time(at) if at is not None else "" for at in (move.oldest, move.newest))
        table.add_row(move.topic, str(move.partition), before, *(f"{number:,}" for number in numbers), *times)
    return table
