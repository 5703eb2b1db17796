"""`headrace machine`: validate, test and draw state machines in the Amazon States Language."""

from __future__ import annotations

import typer

from headrace.console.commands.machine import draw, test, validate

app = typer.Typer(help="Validate, test and draw state machines.", no_args_is_help=True)


app.command()(validate.validate)
app.command("test")(test.run_machine)
app.command()(draw.draw)


@app.callback()
def machine() -> None:
    """Validate, test and draw state machines in the Amazon States Language. No cluster and no account are needed."""
