"""`headrace cost`: cost of the results on the log."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from headrace.console.commands.view_source import FromLogOption, open_views
from headrace.console.terminal.output import print_json

GroupBy = Literal["stage", "asset", "day"]


def cost(
    by: Annotated[GroupBy, typer.Option("--by", help="Sum by stage, asset or day (UTC).")] = "stage",
    from_log: FromLogOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Sum the cost of the paid calls of all results, at the prices at the time of the call."""
    spent = _spent(by, from_log)
    if as_json:
        print_json(spent)
        return
    from headrace.console.terminal.screen import Console, Table

    table = Table(by, box=None, pad_edge=False, header_style="bold")
    table.add_column("usd", justify="right")
    for name, usd in spent.items():
        table.add_row(name, f"{usd:.4f}")
    table.add_row("all", f"{sum(spent.values()):.4f}", style="bold")
    Console().print(table)


def _spent(by: GroupBy, from_log: bool) -> dict[str, float]:
    """Return the cost in US dollars by name."""
    from headrace.console.pipeline import spent

    views = open_views(from_log)
    if views is not None:
        from headrace.console.views.queries.operations import spent_nanos

        with views.connect() as connection:
            return spent.ranked(spent_nanos(connection, by), by)
    from headrace.console.assets import read_service
    from headrace.console.routing.stages import load_stages

    return spent.spent(read_service.connect(load_stages()).progress(), by)
