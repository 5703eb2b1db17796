"""`headrace cost`: cost of the results on the log."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from headrace.console.commands.view_source import FromLogOption, open_views
from headrace.console.terminal.output import print_json

GroupBy = Literal["stage", "asset", "day"]
Amounts = dict[str, float]


def cost(
    by: Annotated[GroupBy, typer.Option("--by", help="Sum by stage, asset or day (UTC).")] = "stage",
    saved: Annotated[bool, typer.Option("--saved", help="Sum what the reuse of results saved instead.")] = False,
    from_log: FromLogOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Sum the cost of the paid calls of all results, at the prices at the time of the call."""
    spent_usd, saved_usd = _amounts(by, from_log)
    if as_json:
        print_json(saved_usd if saved else spent_usd)
        return
    from headrace.console.terminal.screen import Console, Table

    columns = {"saved": saved_usd} if saved else {"usd": spent_usd, **({"saved": saved_usd} if saved_usd else {})}
    table = Table(by, box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right")
    names = dict.fromkeys(name for amounts in columns.values() for name in amounts)
    for name in sorted(names) if by == "day" else names:
        table.add_row(name, *(f"{amounts.get(name, 0.0):.4f}" for amounts in columns.values()))
    table.add_row("all", *(f"{sum(amounts.values()):.4f}" for amounts in columns.values()), style="bold")
    Console().print(table)


def _amounts(by: GroupBy, from_log: bool) -> tuple[Amounts, Amounts]:
    """Return what was spent and what was saved, in US dollars by name."""
    from headrace.console.pipeline import spent

    views = open_views(from_log)
    if views is not None:
        from headrace.console.views.queries.operations import saved_nanos, spent_nanos

        with views.connect() as connection:
            nanos = spent_nanos(connection, by), saved_nanos(connection, by)
        return spent.ranked(nanos[0], by), spent.ranked(nanos[1], by)
    from headrace.console.assets import read_service
    from headrace.console.routing.stages import load_stages

    progress = read_service.connect(load_stages()).progress()
    return spent.spent(progress, by), spent.saved(progress, by)
