"""`headrace trace`: what happened to one asset, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.errors import Refused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from console.progress import Version

HELP = "`bucket/key`, `s3://bucket/key`, or the key alone where it is in one bucket only."


def trace(
    asset: Annotated[str, typer.Argument(help=HELP, show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what happened to an asset: every event, its cause, how long it took, where results lie, what it cost."""
    from console import service

    progress = service.connect().progress(asset)
    found = progress.find(asset)
    if not found:
        raise Refused(f"nothing is known of {asset}: the log has no record about it")
    if len(found) > 1:
        raise Refused(f"{asset} may be {' or '.join(found)}: say which")
    [name] = found

    from console import report

    if as_json:
        typer.echo(json.dumps(report.asset(name, progress), indent=2))
        return

    from rich.console import Console

    console = Console()
    for version in progress.versions(name):
        show(version, console)
    for stray in progress.strays(name):
        console.print(f"[red]dead letter[/] of a record that nobody could read: {stray.place}")


def show(version: Version, console: Console) -> None:
    """Print one version: what it is, its steps, its dead letters."""
    from rich.markup import escape

    from console import words
    from console.timeline import timeline

    what = version.asset
    console.print(f"[bold]{escape(what.bucket)}/{escape(what.key)}[/]  version {escape(what.version)}")
    said = [version.state, words.size(what.size), words.dollars(version.usd)]
    if version.successor:
        said.append(f"then came version {version.successor.version}")
    console.print("  ".join(part for part in said if part), highlight=False)
    console.print(steps_table(timeline(version)))
    for letter in version.letters:
        console.print(f"[red]dead letter[/] {letter.stage}: {escape(letter.code)}: {escape(letter.reason)}")
    console.print()


def steps_table(steps: list[Any]) -> Table:
    """Lay out the steps of a timeline."""
    from rich.table import Table
    from rich.text import Text

    from console import words
    from console.board import clock

    table = Table("time", "event", "stage", "cause", "took", "what", "cost", box=None, pad_edge=False)
    table.header_style = "bold"
    for step in steps:
        name = step.event + (f" x{step.deliveries}" if step.deliveries > 1 else "")
        what = "\n".join(part for part in (step.words, step.location) if part)
        cells = (clock(step.at), name, step.stage, step.cause_event, words.span(step.seconds), what)
        style = "red" if step.event == "DeadLetter" else ""
        table.add_row(*(Text(cell) for cell in cells), words.dollars(step.usd), style=style)
    return table
