"""`headrace doctor`: check everything that the pipeline needs."""

from __future__ import annotations

from functools import cache

import typer

MARKS = {True: ("ok    ", "green"), False: ("failed", "red"), None: ("-     ", "dim")}


def doctor() -> None:
    """Check every part that the pipeline needs, and print how to fix failures. Exit code 1 if a check fails."""
    from headrace.connectors.aws.client import AwsSession
    from headrace.console import doctor
    from headrace.console.check_runner import run_checks
    from headrace.console.routing.stages import load_stages
    from headrace.console.terminal.screen import Console, Text

    console = Console()
    failures = 0
    for result in run_checks(doctor.checks(cache(load_stages), AwsSession())):
        line = Text.assemble(MARKS[result.ok], " ", (result.part, "bold"), f": {result.message}")
        console.print(line, soft_wrap=True)
        if result.ok is False:
            failures += 1
            console.print(f"       -> {result.remedy}", soft_wrap=True)
    if failures:
        raise typer.Exit(1)
