"""`headrace demo`: real files through the whole pipeline, on a real Kafka, on this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from console.progress import Version
    from sandbox.demo_report import Report

Show = Callable[["Mapping[str, Version]"], None]


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of the sandbox.", show_default=False)] = None,
    limit: Annotated[float, typer.Option(min=1.0, help="Seconds that the files may take.")] = 180.0,
) -> None:
    """Run real files through the whole pipeline on this machine: no account, no Docker, no Java. Takes a minute."""
    from rich.console import Console

    from console.errors import Refused
    from sandbox import demo_report, demo_run
    from sandbox.errors import SandboxError

    console = Console(stderr=as_json, highlight=False)
    try:
        with demo_run.place(data, keep) as folder:
            report = run(folder, limit, console)
    except SandboxError as error:
        raise Refused(str(error)) from error
    if as_json:
        typer.echo(json.dumps(demo_report.as_json(report), indent=2))
    else:
        demo_report.show(report, console)
        say_how_to_go_on(folder, data, keep, console)
    if report.wrong:
        raise Refused("not as it must be: " + "; ".join(report.wrong))
