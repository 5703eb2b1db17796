"""`headrace cost`: cost of the results on the log."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from headrace.console.terminal.output import print_json

GroupBy = Literal["stage", "asset", "day"]


def cost(
    by: Annotated[GroupBy, typer.Option("--by", help="Sum by stage, asset or day (UTC).")] = "stage",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Sum the cost of the paid calls of all results, at the prices at the time of the call."""
    from headrace.console.assets import read_service
    from headrace.console.pipeline import spent as pipeline_spent
    from headrace.console.routing.stages import load_stages

    spent = pipeline_spent.spent(read_service.connect(load_stages()).progress(), by)
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
