"""`headrace status`: progress of the pipeline."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.view_source import FromLogOption, open_views
from headrace.console.terminal.output import print_json

if TYPE_CHECKING:
    from headrace.console.assets.stage_status import PipelineStatus
    from headrace.console.terminal.screen import Table


def status(
    from_log: FromLogOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show every stage: group members, lag in records and seconds, finished and dead-lettered records.

    Offsets and members come from Kafka, and the reports of workers from the views.
    """
    from headrace.console.assets import read_service
    from headrace.console.routing.stages import load_stages
    from headrace.console.terminal.screen import Console

    reports = None
    views = open_views(from_log)
    if views is not None:
        from headrace.console.views.queries.operations import worker_reports

        with views.connect() as connection:
            reports = worker_reports(connection)
    pipeline = read_service.connect(load_stages()).status(reports)
    if as_json:
        print_json(asdict(pipeline))
        return
    console = Console()
    console.print(stages_table(pipeline))
    for each in pipeline.stages:
        if each.shadowed:
            text = f"shadow: {each.stage}: {each.shadowed} records matched and were not delivered"
            console.print(text, style="cyan", soft_wrap=True)
        for why in each.paused:
            console.print(f"paused: {each.stage}: {why}", style="yellow", soft_wrap=True)
        if each.lost:
            text = f"lost: {each.stage}: {each.lost} records were deleted before it read them: headrace audit check"
            console.print(text, style="red", soft_wrap=True)
    console.print(topics_table(pipeline))
    console.print(f"brokers: {', '.join(pipeline.brokers)}")


def stages_table(pipeline: PipelineStatus) -> Table:
    """Build the table of stages."""
    from headrace.console.terminal.formatting import format_duration
    from headrace.console.terminal.screen import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("stage", "members", "lag", "oldest", "waiting", "finished", "retried", "dead-lettered"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for each in pipeline.stages:
        oldest = format_duration(each.lag_seconds) if each.lag else ""
        numbers = (each.members, each.lag, oldest, each.waiting, each.finished, each.retried, each.dead_lettered)
        table.add_row(each.stage, *map(str, numbers), style="" if each.members or not each.lag else "red")
    return table


def topics_table(pipeline: PipelineStatus) -> Table:
    """Build the table of topics that have records."""
    from headrace.console.terminal.screen import Table

    table = Table("topic", box=None, pad_edge=False, header_style="bold")
    for column in ("partitions", "records"):
        table.add_column(column, justify="right")
    for each in pipeline.topics:
        if each.records:
            table.add_row(each.topic, str(each.partitions), str(each.records))
    return table
