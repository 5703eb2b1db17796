"""`headrace machine`: validate and draw state machines in the Amazon States Language."""

from __future__ import annotations

import typer

from headrace.console.commands.machine import draw, validate

app = typer.Typer(help="Validate and draw state machines.", no_args_is_help=True)


app.command()(validate.validate)
app.command()(draw.draw)


@app.callback()
def machine() -> None:
    """Validate and draw state machines in the Amazon States Language. No cluster and no account are needed."""
