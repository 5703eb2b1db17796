"""`headrace rules`: manage rules and test event patterns."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headrace.console.commands.json_args import read_event, read_pattern
from headrace.console.commands.rules import history, manage
from headrace.console.terminal.output import print_json, print_line
from headrace.console.terminal.user_files import read_lines

app = typer.Typer(help="Manage rules and test event patterns.", no_args_is_help=True)


app.command("list")(manage.show)
app.command()(manage.check)
app.command()(manage.apply)
app.command("try")(history.try_rules)
app.command()(manage.explain)
app.command()(manage.match)
app.command()(manage.lint)
app.command("import")(manage.import_)
app.command()(manage.export)


@app.callback()
def rules() -> None:
    """Manage rules and test event patterns."""


@app.command("test")
def try_out(
    pattern: Annotated[str, typer.Argument(help="Pattern: JSON, or a JSON file.", show_default=False)] = "",
    event: Annotated[str, typer.Argument(help="Event: JSON, or a JSON file.", show_default=False)] = "",
    batch: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(help='File of JSON lines {"pattern": ..., "event": ...}; - for stdin.', show_default=False),
    ] = None,
) -> None:
    """Test whether an event matches a pattern. Exit code 0 for a match, else 2 with the reason.

    --batch prints one JSON line per input line: {"match": true}, {"match": false} or {"error": "..."}.
    """
    from headrace.console.errors import CommandError

    if batch is not None:
        _batch(batch)
        return
    if not pattern or not event:
        raise CommandError("missing PATTERN and EVENT, or --batch FILE")

    miss = read_pattern(pattern).explain(read_event(event))
    if miss is None:
        print_line("match")
        return
    from headrace.console.routing.pattern_test import describe_verdict

    print_line(f"no match: {describe_verdict(miss)}")
    raise typer.Exit(2)


def _batch(lines: Any) -> None:
    from headrace.console.routing.pattern_test import verdict

    for line in read_lines(lines):
        if line.strip():
            print_json(verdict(line), indent=None)
