"""`headrace audit`: whether every accepted record has an outcome, and which records were lost."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from headrace.console.terminal.output import print_json, print_line

app = typer.Typer(no_args_is_help=True, help="Compare accepted records with outcomes, and list lost records.")

AuditJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(as_json: AuditJsonOption = False) -> None:
    """Check that accepted = done + superseded + dead-lettered + retried + waiting + lost + absent, for every stage.

    Records are absent where a topic was compacted, and after a transaction. Exit code 2 if a record has no outcome,
    or a loss is not acknowledged.
    """
    from headrace.console.assets import read_service
    from headrace.console.routing.stages import load_stages
    from headrace.console.terminal.screen import Console, Table

    report = read_service.connect(load_stages()).accounts()
    if as_json:
        print_json(asdict(report))
    else:
        columns = ("accepted", "done", "superseded", "dead_lettered", "retried", "waiting", "lost", "absent")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("stage", "topic", *columns):
            table.add_column(column.replace("_", "-"), justify="left" if column in ("stage", "topic") else "right")
        for each in report.accounts:
            style = "red" if each.unaccounted or each.unrecorded else ""
            table.add_row(each.stage, each.topic, *(str(getattr(each, column)) for column in columns), style=style)
        Console().print(table)
        for problem in report.problems:
            print_line(problem, error=True)
    if report.problems:
        raise typer.Exit(2)


@app.command()
def losses(
    every: Annotated[bool, typer.Option("--all", help="Also those that are acknowledged.")] = False,
    as_json: AuditJsonOption = False,
) -> None:
    """List records that were deleted before a stage read them, with the way to get them back."""
    import msgspec

    from headrace.console.assets import read_service
    from headrace.console.assets.losses import remedy
    from headrace.console.routing.stages import load_stages

    stages = load_stages()
    found = [loss for loss in read_service.connect(stages).losses() if every or not loss.acknowledged_at]
    if as_json:
        print_json([msgspec.to_builtins(loss) for loss in found])
        return
    for loss in found:
        done = f" (acknowledged by {loss.acknowledged_by}: {loss.acknowledged_reason})" if loss.acknowledged_at else ""
        print_line(f"{loss.id}: {loss.describe()}{done}")
        if not loss.acknowledged_at:
            print_line(f"  to get them back: {remedy(loss, stages)}")
    if not found:
        print_line("no losses")


@app.command()
def acknowledge(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Losses, from `headrace audit losses`.")],
    why: Annotated[str, typer.Option(help="What was done about it.", show_default=False)],
) -> None:
    """Acknowledge losses. `status`, `doctor` and `audit check` no longer report them."""
    from datetime import UTC, datetime

    from headrace.console.assets import read_service
    from headrace.console.assets.losses import acknowledgements
    from headrace.console.kafka.topic_reader import TopicReader
    from headrace.console.terminal.operator import current_operator
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load

    known = read_service.connect(()).losses()
    records = acknowledgements(known, ids, current_operator(), why, datetime.now(UTC))
    number = TopicReader(load(KafkaSettings)).write(records)
    print_line(f"{number} losses acknowledged")
