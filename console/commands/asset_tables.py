"""Assets of the views as tables and as JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.console.terminal.output import print_line

if TYPE_CHECKING:
    from headrace.console.terminal.screen import Table
    from headrace.console.views.queries.asset_list import AssetPage, ListedAsset
    from headrace.console.views.queries.overdue import OverdueAsset, OverdueReport

WIDTH = 1000
"""Columns of a table: nothing is cut off, but a terminal may wrap it."""


def print_asset(asset: ListedAsset, stages: dict[str, dict[str, Any]]) -> None:
    """Print one asset with the result of each stage."""
    from headrace.console.terminal.screen import Console, Text

    console = Console(width=WIDTH)
    console.print(Text(asset.name, "bold"))
    console.print(Text(_summary(asset)))
    console.print(_stages_table(stages))


def print_page(page: AssetPage) -> None:
    """Print a page, and the token of the next one to standard error."""
    from headrace.console.assets.table import STATUS_ICONS
    from headrace.console.terminal import formatting
    from headrace.console.terminal.screen import Console, Table, Text

    table = Table("asset", "state", "kind", "size", "uploaded", "stages", box=None, pad_edge=False, header_style="bold")
    for each in page.assets:
        icons = " ".join(f"{STATUS_ICONS[status][0]} {stage}" for stage, status in each.stages.items())
        uploaded = formatting.format_time(each.uploaded_at) if each.uploaded_at is not None else ""
        cells = (each.name, each.state, each.kind or "", formatting.format_bytes(each.size), uploaded, icons)
        table.add_row(*map(Text, cells))
    Console(width=WIDTH).print(table)
    if page.next is not None:
        print_line(f"more: --after {page.next}", error=True)


def _summary(asset: ListedAsset) -> str:
    from headrace.console.assets.asset_event import usd_of
    from headrace.console.terminal import formatting

    facts = (
        asset.state,
        asset.kind or "",
        formatting.format_bytes(asset.size),
        f"version {asset.version}" + (f", the newest of {asset.versions:,}" if asset.versions > 1 else ""),
        f"uploaded {formatting.format_time(asset.uploaded_at)}" if asset.uploaded_at is not None else "",
        formatting.format_usd(usd_of(asset.usd_nanos)),
    )
    return ", ".join(filter(None, facts))


def _stages_table(stages: dict[str, dict[str, Any]]) -> Table:
    from headrace.console.assets.table import STATUS_ICONS
    from headrace.console.terminal.screen import Table, Text

    table = Table("stage", "", "result", "stored as", box=None, pad_edge=False, header_style="bold")
    for name, stage in stages.items():
        icon, style = STATUS_ICONS[stage["status"]]
        table.add_row(Text(name), Text(f"{icon} {stage['status']}", style), Text(stage["result"]), stage["location"])
    return table


def overdue_json(each: OverdueAsset) -> dict[str, Any]:
    """Convert an overdue asset."""
    from headrace.console.terminal.formatting import format_timestamp

    return {
        "asset": each.asset,
        "version": each.version,
        "stage": each.stage,
        "since": format_timestamp(each.since),
        "seconds": round(each.seconds, 1),
        "usual_seconds": round(each.usual_seconds, 1),
        "reason": each.reason,
    }


def print_overdue(report: OverdueReport) -> None:
    """Print overdue assets, and what could not be judged."""
    from headrace.console.terminal.formatting import format_duration
    from headrace.console.terminal.screen import Console, Table, Text

    if report.assets:
        table = Table("asset", "stage", "waits", "usual", "reason", box=None, pad_edge=False, header_style="bold")
        for each in report.assets:
            waits, usual = format_duration(each.seconds), f"up to {format_duration(each.usual_seconds)}"
            table.add_row(*map(Text, (each.asset, each.stage, waits, usual, each.reason)))
        Console(width=WIDTH).print(table)
    else:
        print_line("no asset waits longer than usual")
    if report.more:
        print_line("more assets are overdue: raise --limit", error=True)
    if report.without_history:
        names = ", ".join(report.without_history)
        print_line(f"too few results to tell what is usual: {names}", error=True)
