"""`headrace rules`: which events match which patterns, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Event patterns: what matches, and why not.", no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Event patterns: what matches, and why not."""


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
    from console.errors import Refused

    if batch is not None:
        _batch(batch)
        return
    if not pattern or not event:
        raise Refused("give a pattern and an event, or --batch FILE")

    from streams.rules import InvalidPattern, Pattern

    try:
        miss = Pattern(_json(pattern, "pattern")).explain(_object(_json(event, "event")))
    except InvalidPattern as error:
        raise Refused(f"the pattern is not valid: {error}") from error
    if miss is None:
        typer.echo("match")
        return
    from console.rules import in_words

    typer.echo(f"no match: {in_words(miss)}")
    raise typer.Exit(2)


def _batch(lines: Any) -> None:
    from console.rules import verdict

    for line in lines:
        if line.strip():
            typer.echo(verdict(line))


def _json(given: str, what: str) -> Any:
    """Read JSON that was given as it is or as a file."""
    import orjson

    from console.errors import Refused

    text = given if given.lstrip()[:1] in ("{", "[", '"') else Path(given).read_text("utf-8")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(f"the {what} is no JSON: {error}") from error


def _object(event: Any) -> dict[str, Any]:
    from console.errors import Refused

    if not isinstance(event, dict):
        raise Refused("an event is a JSON object")
    return event
