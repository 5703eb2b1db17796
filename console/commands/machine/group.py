"""`headrace machine`: state machines in the Amazon States Language."""

from __future__ import annotations

import typer

from headrace.console.commands.machine import api, control, deploy, diff, draw, executions, test, validate

app = typer.Typer(help="State machines: validate, test, deploy, run and redrive.", no_args_is_help=True)


app.command()(validate.validate)
app.command("test")(test.run_machine)
app.command()(draw.draw)
app.command()(deploy.deploy)
app.command()(deploy.versions)
app.command()(deploy.alias)
app.command()(diff.diff)
app.command("list")(executions.list_)
app.command()(executions.describe)
app.command()(executions.history)
app.command()(executions.watch)
app.command()(control.start)
app.command()(control.stop)
app.command()(control.redrive)
app.command()(api.api)


@app.callback()
def machine() -> None:
    """State machines in the Amazon States Language.

    validate, test and draw need no cluster and no account. The others need Kafka; a worker with the stage machines
    runs executions, and headrace views run makes them visible.
    """
