"""`headrace sandbox`: local Kafka, AWS and AI services."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from headrace.console.terminal.output import print_json, print_line, print_verbatim
from headrace.console.terminal.screen import Console
from headrace.sandbox.cli import ai
from headrace.sandbox.cli.smoke import smoke_aws
from headrace.sandbox.cluster.kafka_tools import TOOLS, with_bootstrap_server
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.paths import default_data


def _known_tool(name: str) -> str:
    """Validate the name of a Kafka tool."""
    if name not in TOOLS:
        raise typer.BadParameter(f"unknown tool {name}; use one of {', '.join(TOOLS)}.")
    return name


app = typer.Typer(no_args_is_help=True, help="Run Kafka, AWS and AI services locally.")
app.command()(ai.ledger)
app.command("smoke-aws")(smoke_aws)
app.add_typer(ai.faults, name="faults")

DataOption = Annotated[Path | None, typer.Option(help="Data folder; each folder is a separate sandbox.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Tool = Annotated[str, typer.Argument(callback=_known_tool, help=f"One of {', '.join(TOOLS)}.")]
Arguments = Annotated[list[str] | None, typer.Argument(help="Arguments of the tool, for example --help.")]


@app.command()
def up(
    data: DataOption = None,
    machines: Annotated[
        bool, typer.Option("--machines", help="Also run state machines, with the API of Step Functions.")
    ] = False,
) -> None:
    """Start the components that are not running, and wait until they are ready.

    With --machines, the whole pipeline runs with the stages of state machines, and the projector of the views.
    boto3 and the AWS CLI find the API with the variables of headrace sandbox env.

    The first start downloads Kafka's jars (39 MB) to the user's cache.
    HEADRACE_JAVA selects another Java than the bundled one: a path, or `system`.
    """
    from headrace.sandbox.cluster import cluster
    from headrace.sandbox.cluster.progress_view import ProgressView

    folder = data or default_data()
    began = time.monotonic()
    with _errors_in_one_line(), _ended_by_sigterm(), ProgressView(Console()) as view:
        cluster.up(folder, on_event=view.on_event)
    if machines:
        from headrace.sandbox.demo.machine_cluster import start_machines

        with _errors_in_one_line(), _ended_by_sigterm():
            print_line(f"Step Functions API: {start_machines(folder.resolve())}")
    if not view.ready:
        print_line(f"Already up, in {folder}")
        return
    option = "" if data is None else f" --data {shlex.quote(str(data))}"
    print_line(f"Up after {time.monotonic() - began:.1f} s, in {folder}")
    print_line(f'For this shell: eval "$(headrace sandbox env{option})"')
    if not machines:
        print_line("For views and search: headrace views run")


@app.command()
def down(data: DataOption = None) -> None:
    """Stop the sandbox. Its data is kept for the next `up`."""
    from headrace.sandbox.cluster import cluster

    with _errors_in_one_line():
        stopped = cluster.down(data or default_data())
    print_line(f"Stopped: {', '.join(stopped)}" if stopped else "Nothing was running")


@app.command()
def restore_worker(data: DataOption = None) -> None:
    """Replace the worker that `headrace demo --break` started by one without the bug."""
    from headrace.sandbox.cluster.environment import of
    from headrace.sandbox.cluster.processes import is_alive
    from headrace.sandbox.cluster.state_file import read
    from headrace.sandbox.demo import run

    folder = data or default_data()
    with _errors_in_one_line():
        parts = read(folder).parts
        if "worker" not in parts or not is_alive(parts["kafka"]):
            raise SandboxError("No faulty worker is running. Start one with `headrace demo --keep --break STAGE`.")
        os.environ.update(of(folder))
        run.start_pipeline(folder)
    print_line("The worker runs without the bug")


@app.command()
def status(data: DataOption = None, as_json: JsonFlag = False) -> None:
    """Show each component, and the last log lines of crashed ones. Exit code 1 unless all are running."""
    from headrace.sandbox.cluster import cluster, progress_view

    with _errors_in_one_line():
        found = cluster.status(data or default_data())
    if as_json:
        print_json([progress_view.row(health) for health in found], indent=None)
    elif found:
        progress_view.table(found, Console())
    else:
        print_line("Not up. Start it with `headrace sandbox up`.")
    if not found or not all(health.alive for health in found):
        raise typer.Exit(1)


@app.command()
def env(data: DataOption = None, as_json: JsonFlag = False) -> None:
    """Print the environment variables that configure the AWS SDKs, the AWS CLI and Headrace for the sandbox.

    For a shell: eval "$(headrace sandbox env)"
    """
    with _errors_in_one_line():
        variables = _variables(data)
    if as_json:
        print_verbatim(json.dumps(variables))
        return
    for name, value in variables.items():
        print_verbatim(f"export {name}={shlex.quote(value)}")


@app.command()
def fill(
    assets: Annotated[int, typer.Option(min=1, max=10_000_000, help="Number of assets.")] = 1_000,
    stages: Annotated[int, typer.Option(min=1, max=8, help="Number of stages, in the order of the pipeline.")] = 8,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="The same seed gives the same events.")] = 0,
    data: DataOption = None,
) -> None:
    """Send the events of made-up videos, with jobs, dead letters and stored results, to try views and search.

    The stages are thumbnails, scan, probe, ready, labels, moderation, transcript and completed.
    No stage processes the events: the consumer groups are moved behind them.
    """
    from headrace.sandbox.cli.fill import fill_sandbox
    from headrace.sandbox.fill.history import FillPlan

    with _errors_in_one_line():
        os.environ.update(_variables(data))
        fill_sandbox(FillPlan(assets, stages, seed))


@app.command(context_settings={"allow_interspersed_args": False})
def kafka(tool: Tool, arguments: Arguments = None, data: DataOption = None) -> None:
    """Run a Kafka tool on the sandbox's broker, for example: kafka topics --list"""
    from headrace.sandbox.cluster import components as parts
    from headrace.sandbox.cluster import jars, kafka_broker

    with _errors_in_one_line():
        server = _variables(data)["HEADRACE_BOOTSTRAP_SERVERS"]
        runtime = parts.runtime()
        jars.ensure(runtime.jars)
    command = kafka_broker.tool_command(runtime, TOOLS[tool], with_bootstrap_server(arguments or [], server))
    os.execv(command[0], command)


def _variables(data: Path | None) -> dict[str, str]:
    from headrace.sandbox.cluster.environment import of

    found = of(data or default_data())
    if not found:
        raise SandboxError("The sandbox is not up: start it with `headrace sandbox up`.")
    return found


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except (SandboxError, OSError) as error:  # for example a full disk or a folder without write permission
        print_line(str(error), error=True)
        raise typer.Exit(1) from None


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Raise SystemExit on SIGTERM, so that an interrupted start stops everything."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
