"""`headrace health`: whether the worker here is well, for whoever restarts it."""

from __future__ import annotations

from typing import Annotated

import typer


def health(
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether all stages run, not only whether it lives.")
    ] = False,
    port: Annotated[int, typer.Option(help="Its port; else HEADRACE_METRICS_PORT.", show_default=False)] = 0,
) -> None:
    """Ask the worker on this machine how it is: exit code 0 when it is well, 1 with the reason when it is not."""
    import os
    import urllib.error
    import urllib.request

    from headrace.console.errors import CommandError

    told = port or os.environ.get("HEADRACE_METRICS_PORT", "0")
    if not str(told).isdecimal() or not int(told):
        raise CommandError("HEADRACE_METRICS_PORT is not set: a worker answers on that port alone")
    url = f"http://127.0.0.1:{told}/{'ready' if ready else 'live'}"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            typer.echo(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise CommandError(error.read().decode()) from error
    except OSError as error:
        raise CommandError(f"nobody answers on port {told}: {error}") from error
