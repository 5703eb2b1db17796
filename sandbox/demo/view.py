"""Terminal output of the demo: progress and results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from headrace.console.assets import table as assets_table
from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.projection import AssetVersion
from headrace.console.commands.search import lines as search_lines
from headrace.console.terminal import formatting
from headrace.console.terminal.progress_bar import Live
from headrace.console.terminal.screen import Console, Table, Text
from headrace.sandbox.demo.report import DemoReport
from headrace.sandbox.demo.spoken_word import WORD
from headrace.sandbox.names import RESULTS_BUCKET
from headrace.streams.result_paths import version_folder

DemoView = Callable[[Mapping[str, AssetVersion]], None]


@contextmanager
def progress(console: Console, stages: list[str]) -> Iterator[DemoView]:
    """Yield a function that shows the versions: a live table on a terminal, else lines."""
    if not console.is_terminal:
        ticker = assets_table.ChangeLog()
        yield lambda versions: _print_changes(ticker, versions, console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda versions: live.update(assets_table.table(versions.values(), stages), refresh=True)


def results(report: DemoReport, console: Console) -> None:
    """Print the results of each file with their locations, and a summary."""
    for name, version in report.versions.items():
        console.print()
        state = (version.state, assets_table.STATES[version.state])
        console.print(Text.assemble((name, "bold"), "  ", state, f"  {assets_table.ending(version)}"))
        console.print(_stages(version))
        console.print(f"s3://{RESULTS_BUCKET}/{version_folder(version.asset)}", style="dim", soft_wrap=True)
    console.print()
    for line in summary(report):
        console.print(line, soft_wrap=True)
    if report.spoken:
        console.print()
        console.print(f"headrace search {WORD}", style="bold")
        for text in search_lines(report.spoken):
            console.print(text, soft_wrap=True)


def summary(report: DemoReport) -> list[str]:
    """Return the lines of the summary."""
    seconds = report.seconds
    dead_letters = sum(len(version.letters) for version in report.versions.values())
    ready, first = map(formatting.format_duration, (seconds.ready, seconds.first_result))
    took = f"Ready after {ready}, first result after {first}"
    return [
        f"{formatting.pluralize(len(report.versions), 'file')}, {formatting.pluralize(dead_letters, 'dead letter')}",
        f"{formatting.pluralize(report.jobs.started, 'job')} started, {report.jobs.unique} unique",
        f"{report.routed.sns} events to SNS, {report.routed.sqs} to SQS, {report.routed.http} to HTTP, by rules",
        f"{formatting.format_usd(report.usd) or '$0'} at AWS's list prices; on this machine it cost nothing",
        took + (f", all after {formatting.format_duration(seconds.all)}" if seconds.all else ""),
    ]


def print_next_steps(data: Path | None, address: str, broken: str, console: Console) -> None:
    """Print the address of the web console and commands to explore the sandbox, and to repair a stage with a bug.

    The address is empty if the sandbox does not keep running.
    """
    if not address:
        console.print()
        console.print(Text.assemble("To keep the sandbox running: ", ("headrace demo --keep", "bold")))
        return
    option = "" if data is None else f" --data {quote(str(data))}"
    load_variables = ("", f'eval "$(headrace sandbox env{option})"')[data is not None]
    console.print()
    console.print(Text.assemble("The sandbox keeps running. Web console: ", (address, "bold")))
    console.print("Next steps:")
    repair = (
        f"headrace dlq list --stage {broken}",
        f"headrace sandbox restore-worker{option}",
        f"headrace replay redrive --stage {broken} --execute",
    )
    for command in (
        load_variables,
        *(repair if broken else ()),
        "headrace trace rabbit.mp4",
        f"headrace search {WORD}",
        "headrace put FILE...",
        "headrace watch",
        "headrace status",
        "headrace rules list",
        f"headrace sandbox kafka{option} console-consumer --topic media.labelled --from-beginning",
        f"headrace sandbox down{option}",
    ):
        if command:
            console.print(f"  {command}", style="bold", soft_wrap=True)


def _print_changes(ticker: assets_table.ChangeLog, versions: Mapping[str, AssetVersion], console: Console) -> None:
    for line in ticker.lines(versions.values()):
        console.print(Text(line), soft_wrap=True)


def _stages(version: AssetVersion) -> Table:
    table = Table(box=None, pad_edge=True, show_header=False)
    table.add_column("stage", min_width=11)
    table.add_column("result", ratio=1)
    table.add_column("where", overflow="fold")
    for stage, fact in sorted(version.stages.items(), key=lambda each: each[1].at):
        sign, style = assets_table.STATUS_ICONS[fact.status] if fact.status else ("·", "dim")
        text = Text(f"{sign} {fact.summary}", "red" if fact.letter else "")
        text.stylize(style, 0, 1)
        table.add_row(Text(stage), text, Text(_location(fact, version)))
    return table


def _location(fact: AssetEvent, version: AssetVersion) -> str:
    """Return the location of a result: a file in the version's folder, or the record itself."""
    folder = f"s3://{RESULTS_BUCKET}/{version_folder(version.asset)}"
    return fact.location.removeprefix(folder) if fact.location else fact.place
