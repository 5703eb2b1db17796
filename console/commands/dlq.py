"""`headrace dlq`: dead letters, and why they failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headrace.console.commands.letter_filter import with_filter
from headrace.console.commands.view_source import FromLogOption, asset_source, open_views
from headrace.console.terminal.output import export_stream, print_json, print_line

if TYPE_CHECKING:
    from headrace.console.dlq.letter import LetterFilter
    from headrace.console.dlq.letter_source import LetterSource, OpenProgress
    from headrace.console.dlq.operations import DeadLetters
    from headrace.console.dlq.reports import LetterReports

app = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be processed, and why.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LetterIds = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Dead letter ids, or prefixes of ids.", show_default=False)
]


@app.command("list")
@with_filter
def list_(
    query: LetterFilter,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of dead letters, newest first.")] = 50,
    resolved: Annotated[bool, typer.Option("--all", help="Include resolved dead letters.")] = False,
    from_log: FromLogOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the newest dead letters: id, code, key, time of failure, attempts and reason.

    An id starts with the name of the stage. Secrets, tokens and query strings are redacted.
    """
    from headrace.console.dlq import render, serialize
    from headrace.console.dlq.letter import short_ids

    data = serialize.page(_reports(from_log).list(replace(query, limit=limit), resolved))
    if as_json:
        _print_json(data)
    else:
        render.page(data, short_ids(each["id"] for each in data["letters"]), render.console())


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Dead letter id, or a prefix of it.", show_default=False)],
    from_log: FromLogOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter: reason, headers, record, origin, timeline of its asset, and the command to redrive it.

    An unparseable record is shown in hexadecimal. Secrets, tokens and query strings are redacted.
    """
    from headrace.console.assets.timeline import results_folder
    from headrace.console.commands.trace import steps_table
    from headrace.console.dlq import render

    letter = _reports(from_log).show(id_)
    if as_json:
        _print_json(letter.data)
    else:
        table = steps_table(letter.steps, results_folder(letter.steps)) if letter.steps else None
        render.letter(letter.data, table, render.console())


@app.command()
def stats(from_log: FromLogOption = False, as_json: JsonOption = False) -> None:
    """Count dead letters by stage, code, class and hour, group similar reasons, and mark new groups."""
    import time

    from headrace.console.dlq import render, serialize

    data = serialize.stats(_reports(from_log).stats(), time.time())
    if as_json:
        _print_json(data)
    else:
        render.stats(data, render.console())


@app.command()
@with_filter
def export(
    query: LetterFilter,
    file: Annotated[Path | None, typer.Argument(help="Output file; default: standard output.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of dead letters, newest first.")] = None,
) -> None:
    """Write dead letters as JSON Lines: every record of each, resolved or not, byte for byte.

    The records are not redacted and may contain secrets. FILE is created with mode 0600; without FILE, a terminal
    is refused.
    """
    from contextlib import nullcontext

    from headrace.console.terminal.user_files import private_file

    out = private_file(file) if file else nullcontext(export_stream())
    count = _connect().export(replace(query, limit=limit), out)
    print_line(f"{count} records exported", error=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that export wrote.", show_default=False)],
    execute: Annotated[bool, typer.Option("--execute/--dry-run", help="Apply the changes (default: dry run).")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the dead letters of a file back to their topics, except those that are there already.

    The whole file is checked first. A second run changes nothing.
    """
    letters = _connect()
    plan = letters.plan_import(file)
    if execute:
        letters.import_planned(plan)
    if as_json:
        _print_json({"executed": execute, "records": plan.new, "there": plan.present})
        return
    for topic, records in plan.new.items():
        print_line(f"{topic}: {records} records")
    print_line(f"{sum(plan.new.values())} records{'' if execute else ' to be'} imported, {plan.present} there already")
    if plan.new and not execute:
        print_line("Dry run: nothing written. Re-run with --execute to apply.")


@app.command()
def resolve(
    ids: LetterIds,
    status: Annotated[Literal["superseded", "wont-fix"], typer.Option(help="Why no work is left.", show_default=False)],
    why: Annotated[str, typer.Option(help="Reason, kept with the dead letter.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Resolve dead letters. They stay on their topic, but are no longer listed, counted or redriven."""
    from datetime import UTC, datetime

    from headrace.console.dlq import serialize
    from headrace.console.dlq.operations import Resolution
    from headrace.console.terminal.operator import current_operator

    resolved = _connect().resolve(ids, Resolution(status, why, current_operator()), datetime.now(UTC))
    if as_json:
        _print_json([{"id": each.letter, **serialize.disposition(each)} for each in resolved])
    for each in () if as_json else resolved:
        print_line(f"{each.letter}: {each.kind}")


@app.command()
def unresolve(ids: LetterIds, as_json: JsonOption = False) -> None:
    """Open resolved dead letters again."""
    from datetime import UTC, datetime

    from headrace.console.terminal.operator import current_operator

    opened = _connect().unresolve(ids, current_operator(), datetime.now(UTC))
    if as_json:
        _print_json([{"id": each} for each in opened])
    for each in () if as_json else opened:
        print_line(f"{each}: open")


def _reports(from_log: bool) -> LetterReports:
    from headrace.console.dlq.letter_source import LogLetters
    from headrace.console.dlq.reports import LetterReports
    from headrace.console.kafka.topic_reader import TopicReader
    from headrace.console.routing.stages import load_stages
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load

    views = open_views(from_log)
    log = TopicReader(load(KafkaSettings))
    source: LetterSource = LogLetters(log, _bar())
    if views is not None:
        from headrace.console.views.queries.letter_source import ViewLetters

        source = ViewLetters(views.connect)
    return LetterReports(source, asset_source(views), lambda: log, [each.name for each in load_stages()])


def _connect() -> DeadLetters:
    from headrace.console.dlq import operations
    from headrace.console.routing.stages import load_stages

    return operations.connect(load_stages(), _bar())


def _bar() -> OpenProgress:
    from functools import partial

    from headrace.console.terminal.progress_bar import bar

    return partial(bar, "reading dead letters")


def _print_json(data: Any) -> None:
    print_json(data)
