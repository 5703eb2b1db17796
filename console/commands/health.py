"""`headrace health`: the liveness or readiness of the worker on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.console.terminal.output import print_lines


def health(
    ready: Annotated[
        bool, typer.Option("--ready", help="Check readiness (all stages run) instead of liveness.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port (default: HEADRACE_METRICS_PORT).", show_default=False)] = 0,
) -> None:
    """Check the worker on this machine. Exit code 0: healthy; 1: not, with the reason."""
    import os
    import urllib.error
    import urllib.request

    from headrace.console.errors import CommandError
    from headrace.schemas.parsing import InvalidValueError, parse_int

    try:
        number = parse_int(port or os.environ.get("HEADRACE_METRICS_PORT", ""), 1, 65_535)
    except InvalidValueError:
        raise CommandError("no port from 1 to 65535: set HEADRACE_METRICS_PORT or use --port") from None
    url = f"http://127.0.0.1:{number}/{'ready' if ready else 'live'}"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            print_lines(answer.read().decode(errors="replace").rstrip("\n"))
    except urllib.error.HTTPError as error:
        raise CommandError(error.read().decode(errors="replace")) from error
    except OSError as error:
        raise CommandError(f"no worker on port {number}: {error}") from error
