"""`headrace rules`: which events match which patterns, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.json_args import read_event, read_pattern
from headrace.console.commands.rules import manage

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Rules and their patterns: what goes where, what matches, and why not.", no_args_is_help=True)


app.command("list")(manage.show)
app.command()(manage.check)
app.command()(manage.apply)
app.command()(manage.explain)
app.command()(manage.why)
app.command()(manage.lint)
app.command("import")(manage.import_)
app.command()(manage.export)


@app.callback()
def rules() -> None:
    """Rules and their patterns: what goes where, what matches, and why not."""


@app.command("test")
def try_out(
    pattern: Annotated[str, typer.Argument(help="A pattern: JSON, or a file of it.", show_default=False)] = "",
    event: Annotated[str, typer.Argument(help="An event: JSON, or a file of it.", show_default=False)] = "",
    batch: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(help='A file of JSON lines {"pattern": ..., "event": ...}; - reads stdin.', show_default=False),
    ] = None,
) -> None:
    """Say whether an event matches a pattern: exit code 0 when it does, 2 when it does not, with the reason.

    With --batch there is one line of JSON for each: {"match": true}, {"match": false} or {"error": "..."}.
    """
    from headrace.console.errors import CommandError

    if batch is not None:
        _batch(batch)
        return
    if not pattern or not event:
        raise CommandError("give a pattern and an event, or --batch FILE")

    miss = read_pattern(pattern).explain(read_event(event))
    if miss is None:
        typer.echo("match")
        return
    from headrace.console.routing.pattern_test import describe_verdict

    typer.echo(f"no match: {describe_verdict(miss)}")
    raise typer.Exit(2)


def _batch(lines: Any) -> None:
    from headrace.console.routing.pattern_test import verdict

    for line in lines:
        if line.strip():
            typer.echo(verdict(line))
