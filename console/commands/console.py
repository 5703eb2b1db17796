"""`headrace console`: the web console."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.console.terminal.output import print_line

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    help="Serve the web console: pipeline, assets, dead letters, replay.",
)


@app.callback()
def console(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address (default: HEADRACE_CONSOLE_HOST or 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port (default: HEADRACE_CONSOLE_PORT or 8088); 0: any free.")
    ] = None,
    read_only: Annotated[bool | None, typer.Option("--read-only", help="Reject every change.")] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write logs as JSON.")] = False,
) -> None:
    """Serve the web console until Ctrl-C: pipeline, assets, dead letters, replay, rules and cost.

    On a loopback address it needs no login. On any other one, set how users log in: docs/console.md.
    """
    if context.invoked_subcommand is not None:
        return
    from headrace.console.web.server import serve
    from headrace.console.web.settings import WebConsoleSettings
    from headrace.schemas.settings import load

    if json_logs:
        from headrace.schemas.runtime import logging

        logging.configure(json=True)
    given = {"host": host, "port": port, "read_only": read_only}
    settings = load(WebConsoleSettings, **{name: value for name, value in given.items() if value is not None})
    serve(settings, lambda url: print_line(f"console: {url}"))
