"""`headrace dlq`: what could not be processed, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from headrace.console.dlq.letter import LetterFilter
    from headrace.console.dlq.lookup import LetterMatch
    from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
    from headrace.console.kafka.topic_reader import TopicReader

app = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be processed, and why.")

StageOption = Annotated[str | None, typer.Option(help="Only of this stage; `bridge` for what AWS sent.")]
CodeOption = Annotated[str | None, typer.Option(help="Only with this code.")]
KeyOption = Annotated[str | None, typer.Option(help="Only of this asset; may be a glob.")]
SinceOption = Annotated[str | None, typer.Option(help="Only failed since then: 2026-03-14T15:09, or -2h.")]
UntilOption = Annotated[str | None, typer.Option(help="Only failed until then.")]
TextOption = Annotated[str | None, typer.Option("--text", help="Only with this in their reason or exception.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LetterIds = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Letters, or beginnings of ids.", show_default=False)
]


@app.command("list")
def list_(
    stage: StageOption = None,
    code: CodeOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    text: TextOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    settled: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the newest dead letters: id, code, key, when, how often it was tried, and why it failed.

    An id begins with the name of the stage. Secrets, tokens and query strings are left out of what is shown.
    """
    from headrace.console.dlq import dispositions, listing, render, serialize
    from headrace.console.dlq.letter import short_ids

    asked = _filter(stage, code, key, since, until, text, limit)
    log, spans = _reach(stage, asked.since)
    wanted = listing.ListQuery(asked, dispositions.load(log), settled)
    with _drawn(spans) as heard:
        told = serialize.page(listing.page(log, spans, wanted, heard))
    if as_json:
        _print_json(told)
    else:
        render.page(told, short_ids(each["id"] for each in told["letters"]), render.console())


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A letter, or the beginning of its id.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Show all of one letter: why, headers, the record, where it came from, its asset's timeline, how to redrive it.

    A record that nobody can read is shown in hexadecimal. Secrets, tokens and query strings are left out.
    """
    from headrace.console.assets.timeline import results_folder
    from headrace.console.commands.trace import steps_table
    from headrace.console.dlq import operations, render

    log, spans = _reach()
    [sighting] = _find(log, spans, [id_])
    told, steps = operations.whole(log, sighting)
    if as_json:
        _print_json(told)
    else:
        table = steps_table(steps, results_folder(steps)) if steps else None
        render.letter(told, table, render.console())


@app.command()
def stats(as_json: JsonOption = False) -> None:
    """Count letters by stage, code, class and hour, group those with alike reasons, and say which kinds are new."""
    import time
    from functools import partial

    from headrace.console.dlq import dispositions, render, serialize
    from headrace.console.dlq import stats as dlq_stats
    from headrace.console.dlq.parallel_scan import scan

    log, spans = _reach()
    look = partial(dlq_stats.LetterCounter, dispositions.load(log))
    with _drawn(spans) as heard:
        found = dlq_stats.total(scan(log.settings, spans, look, heard))
    told = serialize.stats(found, time.time())
    if as_json:
        _print_json(told)
    else:
        render.stats(told, render.console())


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; else to standard output.")] = None,
    stage: StageOption = None,
    code: CodeOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    text: TextOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
) -> None:
    """Write letters as JSON Lines, every record of them, settled or not, byte for byte.

    The original bytes are kept, secrets among them: nothing is left out as it is by list, show and stats. FILE is made
    readable for you alone.
    """
    import sys

    from headrace.console.dlq import operations

    asked = _filter(stage, code, key, since, until, text, limit)
    log, spans = _reach(stage, asked.since)
    with _drawn(spans) as heard:
        if file is None:
            count = operations.export(log, spans, asked, sys.stdout.buffer, heard)
        else:
            with operations.private_file(file) as out:
                count = operations.export(log, spans, asked, out, heard)
    typer.echo(f"{count} records exported", err=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote.", show_default=False)],
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Do it, or only say what would be done.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put letters of a file back on their dead-letter topics; what is there already is left out.

    The whole file is checked first. Run twice, it changes nothing the second time.
    """
    from headrace.console.dlq import operations

    log, spans = _reach()
    with _drawn(spans) as heard:
        planned = operations.plan_import(log, file, spans, heard)
    if execute:
        operations.carry_out(log, planned)
    if as_json:
        _print_json({"executed": execute, "records": planned.new, "there": planned.there})
        return
    for topic, records in planned.new.items():
        typer.echo(f"{topic}: {records} records")
    typer.echo(
        f"{sum(planned.new.values())} records{'' if execute else ' to be'} imported, {planned.there} there already"
    )
    if planned.new and not execute:
        typer.echo("nothing was written; to do it: --execute")


@app.command()
def resolve(
    ids: LetterIds,
    kind: Annotated[Literal["superseded", "wont-fix"], typer.Option("--as", help="What it is.", show_default=False)],
    why: Annotated[str, typer.Option(help="Why, for whoever finds the letter.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Settle letters: they are kept, but no longer listed, counted or redriven."""
    from datetime import UTC, datetime

    from headrace.console.dlq import operations, serialize
    from headrace.console.terminal.operator import current_operator

    log, spans = _reach()
    decision = operations.Resolution(kind, why, current_operator())
    found = operations.resolve(log, _find(log, spans, ids), decision, datetime.now(UTC))
    if as_json:
        _print_json([{"id": each.letter, **serialize.disposition(each)} for each in found])
    for each in () if as_json else found:
        typer.echo(f"{each.letter}: {each.kind}")


@app.command()
def unresolve(ids: LetterIds, as_json: JsonOption = False) -> None:
    """Take back what was decided about letters: they are open again."""
    from headrace.console.dlq import operations

    found = operations.unresolve(operations.connect(), ids)
    if as_json:
        _print_json([{"id": each} for each in found])
    for each in () if as_json else found:
        typer.echo(f"{each}: open")


def _reach(
    stage: str | None = None, since: float | None = None
) -> tuple[TopicReader, dict[TopicAndPartition, OffsetRange]]:
    from headrace.console.dlq import operations

    log = operations.connect()
    return log, log.spans(operations.letter_topics(stage), since)


def _drawn(spans: Mapping[TopicAndPartition, OffsetRange]) -> AbstractContextManager[Callable[[int], None]]:
    from headrace.console.dlq.parallel_scan import records_in
    from headrace.console.terminal.progress_bar import bar

    return bar("reading dead letters", records_in(spans))


def _find(log: TopicReader, spans: dict[TopicAndPartition, OffsetRange], ids: Sequence[str]) -> list[LetterMatch]:
    from headrace.console.dlq.lookup import find, narrowed

    held = narrowed(spans, ids)
    with _drawn(held) as heard:
        return find(log.settings, held, ids, heard)


def _filter(
    stage: str | None,
    code: str | None,
    key: str | None,
    since: str | None,
    until: str | None,
    text: str | None,
    limit: int | None,
) -> LetterFilter:
    import time

    from headrace.console.dlq.letter import LetterFilter
    from headrace.console.terminal.timespec import parse_time

    now = time.time()
    first, last = (None if said is None else parse_time(said, now) for said in (since, until))
    return LetterFilter(stage, code, key, first, last, text, limit)


def _print_json(told: Any) -> None:
    typer.echo(json.dumps(told, indent=2))
