"""`headrace demo`: process sample files with the whole pipeline and a local Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.console.terminal.output import print_json


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of the sandbox.", show_default=False)] = None,
    all_stages: Annotated[
        bool, typer.Option("--all-stages", help="Run all stages, not only the default ones.")
    ] = False,
    broken: Annotated[
        str, typer.Option("--break", metavar="STAGE", help="Run a stage with a bug; requires --keep.")
    ] = "",
    machine: Annotated[
        bool, typer.Option("--machine", help="Run a state machine on the sample media, and print its graph.")
    ] = False,
    limit: Annotated[float, typer.Option(min=1.0, help="Time limit for the files in seconds.")] = 180.0,
) -> None:
    """Process sample files with the whole pipeline on this machine, without an AWS account, Docker or Java.

    Exit code 0 means that every file has the expected outcome. Ctrl-C stops everything that was started.
    """
    from headrace.console.errors import CommandError
    from headrace.sandbox.demo import prestart, workspace
    from headrace.sandbox.errors import SandboxError

    if broken:
        _breakable(broken, keep)
    if machine:
        _machine(data, keep, as_json, limit)
        return
    try:
        with workspace.place(data, keep) as folder:
            running = workspace.alive(folder) | ({"worker"} if broken else set())
            with prestart.prestarted(folder, running) as waiting:
                # These imports take as long as those of the waiting processes.
                from headrace.console.terminal.screen import Console
                from headrace.sandbox.demo import report as demo_report
                from headrace.sandbox.demo import run, view, web_console

                console = Console(stderr=as_json)
                report = run.run(run.DemoPlan(all_stages, limit, broken), folder, console, waiting)
            address = web_console.start_console(folder) if keep else ""
    except SandboxError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(demo_report.as_json(report))
    else:
        view.results(report, console)
        view.print_next_steps(data, address, broken, console)
    if report.wrong:
        late = "" if report.seconds.all else f"time is up after {limit:g} s: "
        raise CommandError(late + "; ".join(report.wrong))


def _machine(data: Path | None, keep: bool, as_json: bool, limit: float) -> None:
    from headrace.console.errors import CommandError
    from headrace.console.terminal.screen import Console
    from headrace.sandbox.demo import machine_run, machine_view, workspace
    from headrace.sandbox.errors import SandboxError

    console = Console(stderr=as_json)
    try:
        with workspace.place(data, keep) as folder:
            report = machine_run.run_machine(folder, console, limit)
    except SandboxError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(machine_view.as_json(report))
    else:
        machine_view.show(report, console)
    if report.wrong:
        raise CommandError("; ".join(report.wrong))


def _breakable(stage: str, keep: bool) -> None:
    from headrace.console.errors import CommandError
    from headrace.sandbox.demo.faulty_worker import STAGES

    if stage not in STAGES:
        raise CommandError(f"--break takes one of {', '.join(STAGES)}; other stages have dependent stages")
    if not keep:
        raise CommandError("--break requires --keep, so that the worker can be restored")
