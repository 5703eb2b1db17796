"""`headrace trace`: what happened to one asset, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from headrace.console.assets.projection import AssetVersion
    from headrace.console.assets.timeline import TimelineStep

WIDTH = 1000
"""Columns: a timeline is as wide as it has to be. A terminal may wrap it, but nothing is left out."""

HELP = "`bucket/key`, `s3://bucket/key`, or the key alone where it is in one bucket only."


def trace(
    asset: Annotated[str, typer.Argument(help=HELP, show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what happened to an asset: every event, its cause, how long it took, where results lie, what it cost."""
    from headrace.console.assets import read_service

    progress = read_service.connect().progress(asset)
    found = progress.find(asset)
    if not found:
        raise CommandError(f"nothing is known of {asset}: the log has no record about it")
    if len(found) > 1:
        raise CommandError(f"{asset} may be {' or '.join(found)}: say which")
    [name] = found

    from headrace.console.assets import serialize

    if as_json:
        typer.echo(json.dumps(serialize.asset(name, progress), indent=2))
        return

    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=WIDTH)
    for version in progress.versions(name):
        show(version, console)
    for stray in progress.unreadable_letters(name):
        console.print(Text(f"A dead letter that nobody can read: {stray.place}: {stray.why}", "red"))


def show(version: AssetVersion, console: Console) -> None:
    """Print one version: what it is, where its results lie, and its steps."""
    from rich.text import Text

    from headrace.console.assets.timeline import results_folder, timeline
    from headrace.console.terminal import formatting

    what, steps = version.asset, timeline(version)
    console.print(Text(f"{what.bucket}/{what.key}", "bold"))
    said = [
        version.state,
        f"version {what.version}",
        formatting.format_bytes(what.size),
        formatting.format_usd(version.usd),
    ]
    if version.successor:
        said.append(f"replaced by version {version.successor.version} (sequencer {version.successor.sequencer})")
    console.print(Text(", ".join(part for part in said if part)))
    folder = results_folder(steps)
    if folder:
        console.print(Text(f"results in {folder}"))
    console.print(steps_table(steps, folder))
    console.print()


def steps_table(steps: list[TimelineStep], folder: str) -> Table:
    """Lay out the steps of a timeline; results are named as they are in their folder."""
    from rich.table import Table
    from rich.text import Text

    from headrace.console.assets.table import clock
    from headrace.console.terminal import formatting

    table = Table("time", "event", "stage", "took", "since", "what", "result", "cost", box=None, pad_edge=False)
    table.header_style = "bold"
    for step in steps:
        name = step.event + (f" x{step.deliveries}" if step.deliveries > 1 else "")
        result = (step.location or "").removeprefix(folder)
        took = formatting.format_duration(step.seconds)
        cells = (
            clock(step.at),
            name,
            step.stage,
            took,
            step.cause_event,
            step.words,
            result,
            formatting.format_usd(step.usd),
        )
        table.add_row(*map(Text, cells), style="red" if step.event == "DeadLetter" else "")
    return table
