"""`headrace dlq`: what could not be processed, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from headrace.console.dlq_find import Sighting
    from headrace.console.dlq_log import LetterLog
    from headrace.console.letters import Filter
    from headrace.console.offsets import Place, Span

app = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be processed, and why.")

Stage = Annotated[str | None, typer.Option(help="Only of this stage; `bridge` for what AWS sent.")]
Code = Annotated[str | None, typer.Option(help="Only with this code.")]
Key = Annotated[str | None, typer.Option(help="Only of this asset; may be a glob.")]
Since = Annotated[str | None, typer.Option(help="Only failed since then: 2026-03-14T15:09, or -2h.")]
Until = Annotated[str | None, typer.Option(help="Only failed until then.")]
Words = Annotated[str | None, typer.Option("--text", help="Only with this in their reason or exception.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Letters, or beginnings of ids.", show_default=False)]


@app.command("list")
def list_(
    stage: Stage = None,
    code: Code = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    text: Words = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    settled: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters: id, code, key, when, how often it was tried, and why it failed.

    An id begins with the name of the stage. Secrets, tokens and query strings are left out of what is shown.
    """
    from headrace.console import dlq_list, dlq_print, dlq_report
    from headrace.console.letters import short_ids

    asked = _filter(stage, code, key, since, until, text, limit)
    log, spans = _reach(stage, asked.since)
    wanted = dlq_list.Wanted(asked, log.dispositions(), settled)
    with _drawn(spans) as heard:
        told = dlq_report.page(dlq_list.page(log, spans, wanted, heard))
    if as_json:
        _print_json(told)
    else:
        dlq_print.page(told, short_ids(each["id"] for each in told["letters"]), dlq_print.console())


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A letter, or the beginning of its id.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show all of one letter: why, headers, the record, where it came from, its asset's timeline, how to redrive it.

    A record that nobody can read is shown in hexadecimal. Secrets, tokens and query strings are left out.
    """
    from headrace.console import dlq, dlq_print
    from headrace.console.commands.trace import steps_table
    from headrace.console.timeline import results_folder

    log, spans = _reach()
    [sighting] = _find(log, spans, [id_])
    told, steps = dlq.whole(log, sighting)
    if as_json:
        _print_json(told)
    else:
        table = steps_table(steps, results_folder(steps)) if steps else None
        dlq_print.letter(told, table, dlq_print.console())


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Count letters by stage, code, class and hour, group those with alike reasons, and say which kinds are new."""
    import time
    from functools import partial

    from headrace.console import dlq_print, dlq_report, dlq_stats
    from headrace.console.dlq_scan import scan

    log, spans = _reach()
    look = partial(dlq_stats.Tally, log.dispositions())
    with _drawn(spans) as heard:
        found = dlq_stats.total(scan(log.settings, spans, look, heard))
    told = dlq_report.stats(found, time.time())
    if as_json:
        _print_json(told)
    else:
        dlq_print.stats(told, dlq_print.console())


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; else to standard output.")] = None,
    stage: Stage = None,
    code: Code = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    text: Words = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
) -> None:
    """Write letters as JSON Lines, every record of them, settled or not, byte for byte.

    The original bytes are kept, secrets among them: nothing is left out as it is by list, show and stats. FILE is made
    readable for you alone.
    """
    import sys

    from headrace.console import dlq

    asked = _filter(stage, code, key, since, until, text, limit)
    log, spans = _reach(stage, asked.since)
    with _drawn(spans) as heard:
        if file is None:
            count = dlq.export(log, spans, asked, sys.stdout.buffer, heard)
        else:
            with dlq.private_file(file) as out:
                count = dlq.export(log, spans, asked, out, heard)
    typer.echo(f"{count} records exported", err=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote.", show_default=False)],
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Do it, or only say what would be done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put letters of a file back on their dead-letter topics; what is there already is left out.

    The whole file is checked first. Run twice, it changes nothing the second time.
    """
    from headrace.console import dlq

    log, spans = _reach()
    with _drawn(spans) as heard:
        planned = dlq.plan_import(log, file, spans, heard)
    if execute:
        dlq.carry_out(log, planned)
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
    ids: Ids,
    kind: Annotated[Literal["superseded", "wont-fix"], typer.Option("--as", help="What it is.", show_default=False)],
    why: Annotated[str, typer.Option(help="Why, for whoever finds the letter.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Settle letters: they are kept, but no longer listed, counted or redriven."""
    from datetime import UTC, datetime

    from headrace.console import dlq, dlq_report
    from headrace.console.replay.journal import operator

    log, spans = _reach()
    decision = dlq.Why(kind, why, operator())
    found = dlq.resolve(log, _find(log, spans, ids), decision, datetime.now(UTC))
    if as_json:
        _print_json([{"id": each.letter, **dlq_report.disposition(each)} for each in found])
    for each in () if as_json else found:
        typer.echo(f"{each.letter}: {each.kind}")


@app.command()
def unresolve(ids: Ids, as_json: AsJson = False) -> None:
    """Take back what was decided about letters: they are open again."""
    from headrace.console import dlq

    found = dlq.unresolve(dlq.connect(), ids)
    if as_json:
        _print_json([{"id": each} for each in found])
    for each in () if as_json else found:
        typer.echo(f"{each}: open")


def _reach(stage: str | None = None, since: float | None = None) -> tuple[LetterLog, dict[Place, Span]]:
    from headrace.console import dlq

    log = dlq.connect()
    return log, log.spans(dlq.letter_topics(stage), since)


def _drawn(spans: Mapping[Place, Span]) -> AbstractContextManager[Callable[[int], None]]:
    from headrace.console.dlq_scan import records_in
    from headrace.console.replay.bars import bar

    return bar("reading dead letters", records_in(spans))


def _find(log: LetterLog, spans: dict[Place, Span], ids: Sequence[str]) -> list[Sighting]:
    from headrace.console.dlq_find import find, narrowed

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
) -> Filter:
    import time

    from headrace.console.letters import Filter, moment

    now = time.time()
    first, last = (None if said is None else moment(said, now) for said in (since, until))
    return Filter(stage, code, key, first, last, text, limit)


def _print_json(told: Any) -> None:
    typer.echo(json.dumps(told, indent=2))
