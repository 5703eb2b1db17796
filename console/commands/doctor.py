"""`headrace doctor`: is everything there that the pipeline needs?"""

from __future__ import annotations

import typer


def doctor() -> None:
    """Check every part that the pipeline needs, and say what to do about what is wrong. Exits with 1 if anything is."""
    from rich.console import Console
    from rich.markup import escape

    from headrace.console import doctor as checks

    console = Console(highlight=False)
    wrong = 0
    for finding in checks.run_checks():
        mark = {True: "[green]ok   [/]", False: "[red]wrong[/]", None: "[dim]-    [/]"}[finding.ok]
        console.print(f"{mark} [bold]{finding.part}[/]: {escape(finding.said)}", soft_wrap=True)
        if finding.ok is False:
            wrong += 1
            console.print(f"      -> {escape(finding.remedy)}", soft_wrap=True)
    if wrong:
        raise typer.Exit(1)
