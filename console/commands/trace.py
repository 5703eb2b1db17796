"""`headrace trace`: what happened to one asset, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.view_source import ASSET_HELP, FromLogOption, asset_source, open_views
from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json

if TYPE_CHECKING:
    from headrace.console.assets.projection import AssetVersion
    from headrace.console.assets.timeline import TimelineStep
    from headrace.console.terminal.screen import Console, Table
    from headrace.console.views.database import Views
    from headrace.console.views.queries.execution_states import StateVisit
    from headrace.console.views.queries.executions import StoredExecution

    ExecutionVisits = tuple[StoredExecution, list[StateVisit]]

WIDTH = 1000
"""Columns of a timeline: nothing is cut off, but a terminal may wrap it."""


def trace(
    asset: Annotated[str, typer.Argument(help=ASSET_HELP, show_default=False)],
    from_log: FromLogOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the timeline of an asset: every event with cause, duration, result and cost, and its executions."""
    views = open_views(from_log)
    progress = asset_source(views).progress(asset)
    names = progress.find(asset)
    if not names:
        raise CommandError(f"no records of {asset}: the log has none with this key")
    if len(names) > 1:
        raise CommandError(f"{asset} may be {' or '.join(names)}: say which")
    [name] = names

    from headrace.console.assets import serialize

    executions = executions_of(views, name)
    if as_json:
        found = serialize.asset(name, progress)
        from headrace.console.views.queries import execution_states

        print_json({**found, "executions": execution_states.as_json(executions)} if executions else found)
        return

    from headrace.console.terminal.screen import Console, Text

    console = Console(width=WIDTH)
    for version in progress.versions(name):
        show(version, console)
    for execution, visits in executions:
        console.print(Text(f"execution {execution.arn}: {execution.status}", "bold"))
        console.print(visits_table(visits))
        console.print()
    for letter in progress.unreadable_letters(name):
        console.print(Text(f"Unparseable dead letter: {letter.place}: {letter.summary}", "red"))


def executions_of(views: Views | None, asset: str) -> list[ExecutionVisits]:
    """Return the newest executions of an asset with their states, oldest first. The log itself is not read for them."""
    if views is None:
        return []
    from headrace.console.views.queries import execution_states

    with views.connect() as connection:
        return execution_states.of_asset(connection, asset)


def visits_table(visits: list[StateVisit]) -> Table:
    """Build a table of the states of an execution, indented by their level."""
    from headrace.console.assets.table import clock
    from headrace.console.terminal import formatting
    from headrace.console.terminal.screen import Table, Text

    table = Table("time", "state", "type", "status", "took", "attempts", "error", box=None, pad_edge=False)
    table.header_style = "bold"
    for visit in visits:
        took = None if visit.exited_at is None else visit.exited_at - visit.entered_at
        cells = (
            clock(visit.entered_at),
            "  " * visit.level + visit.state + ("" if visit.iteration is None else f" [{visit.iteration}]"),
            visit.type,
            visit.status,
            formatting.format_duration(took),
            str(visit.attempts or ""),
            visit.error or "",
        )
        table.add_row(*map(Text, cells), style="red" if visit.status == "failed" else "")
    return table


def show(version: AssetVersion, console: Console) -> None:
    """Print one version: state, folder of results, and timeline."""
    from headrace.console.assets.timeline import results_folder, timeline
    from headrace.console.terminal import formatting
    from headrace.console.terminal.screen import Text

    what, steps = version.asset, timeline(version)
    console.print(Text(f"{what.bucket}/{what.key}", "bold"))
    facts = [
        version.state,
        f"version {what.version}",
        formatting.format_bytes(what.size),
        formatting.format_usd(version.usd),
    ]
    if version.successor:
        facts.append(f"replaced by version {version.successor.version} (sequencer {version.successor.sequencer})")
    console.print(Text(", ".join(part for part in facts if part)))
    folder = results_folder(steps)
    if folder:
        console.print(Text(f"results in {folder}"))
    console.print(steps_table(steps, folder))
    console.print()


def steps_table(steps: list[TimelineStep], folder: str) -> Table:
    """Build a table of the steps; results are relative to `folder`."""
    from headrace.console.assets.table import clock
    from headrace.console.terminal import formatting
    from headrace.console.terminal.screen import Table, Text

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
