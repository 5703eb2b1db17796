"""`headrace doctor`: check everything that the pipeline needs."""

from __future__ import annotations

from functools import cache

import typer


def doctor() -> None:
    """Check every part that the pipeline needs, and print how to fix failures. Exit code 1 if a check fails."""
    from rich.console import Console
    from rich.markup import escape

    from headrace.connectors.aws.client import AwsSession
    from headrace.console import doctor as checks
    from headrace.console.routing.stages import load_stages

    console = Console(highlight=False)
    failures = 0
    for result in checks.run_checks(checks.checks(cache(load_stages), AwsSession())):
        mark = {True: "[green]ok    [/]", False: "[red]failed[/]", None: "[dim]-     [/]"}[result.ok]
        console.print(f"{mark} [bold]{result.part}[/]: {escape(result.message)}", soft_wrap=True)
        if result.ok is False:
            failures += 1
            console.print(f"       -> {escape(result.remedy)}", soft_wrap=True)
    if failures:
        raise typer.Exit(1)
