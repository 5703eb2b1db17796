"""`headrace sandbox`: Kafka, AWS and AI services on this machine."""

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
from rich.console import Console

from headrace.sandbox.cli import ai
from headrace.sandbox.cluster.kafka_tools import TOOLS, with_bootstrap_server
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.paths import default_data


def _known_tool(name: str) -> str:
    """Refuse what is no tool of Kafka's."""
    if name not in TOOLS:
        raise typer.BadParameter(f"{name} is none: take one of {', '.join(TOOLS)}.")
    return name


app = typer.Typer(no_args_is_help=True, help="Kafka, AWS and AI services on this machine.")
app.command()(ai.ledger)
app.add_typer(ai.faults, name="faults")

DataOption = Annotated[Path | None, typer.Option(help="Folder that keeps everything. Two folders are two sandboxes.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Tool = Annotated[str, typer.Argument(callback=_known_tool, help=f"One of {', '.join(TOOLS)}.")]
Arguments = Annotated[list[str] | None, typer.Argument(help="What the tool is given; --help for its own help.")]


@app.command()
def up(data: DataOption = None) -> None:
    """Start what is not running, and wait until it answers.

    The first start fetches Kafka's jars, 39 MB, into the user's cache.
    HEADRACE_JAVA names another Java than the bundled one: a path, or `system`.
    """
    from headrace.sandbox.cluster import cluster
    from headrace.sandbox.cluster.progress_view import ProgressView

    place = data or default_data()
    began = time.monotonic()
    with _errors_in_one_line(), _ended_by_sigterm(), ProgressView(Console(highlight=False)) as watch:
        cluster.up(place, tell=watch.tell)
    if not watch.ready:
        typer.echo(f"Already up, in {place}")
        return
    option = "" if data is None else f" --data {shlex.quote(str(data))}"
    typer.echo(f"Up after {time.monotonic() - began:.1f} s, in {place}")
    typer.echo(f'For this shell: eval "$(headrace sandbox env{option})"')


@app.command()
def down(data: DataOption = None) -> None:
    """End what `up` started, and nothing else. What the folder holds is there at the next `up`."""
    from headrace.sandbox.cluster import cluster

    with _errors_in_one_line():
        ended = cluster.down(data or default_data())
    typer.echo(f"Ended: {', '.join(ended)}" if ended else "Nothing was running")


@app.command()
def restore_worker(data: DataOption = None) -> None:
    """Put the worker as it is in the place of one that `headrace demo --break` started with a bug."""
    from headrace.sandbox.cluster.environment import of
    from headrace.sandbox.cluster.processes import is_alive
    from headrace.sandbox.cluster.state_file import read
    from headrace.sandbox.demo import run

    place = data or default_data()
    with _errors_in_one_line():
        parts = read(place).parts
        if "worker" not in parts or not is_alive(parts["kafka"]):
            raise SandboxError("There is nothing to mend: `headrace demo --keep --break STAGE` breaks something.")
        os.environ.update(of(place))
        run.start_pipeline(place)
    typer.echo("The worker runs without a bug")


@app.command()
def status(data: DataOption = None, as_json: JsonFlag = False) -> None:
    """Show each part, and the end of its log where it crashed. Exits with 1 unless every part runs."""
    from headrace.sandbox.cluster import cluster, progress_view

    with _errors_in_one_line():
        found = cluster.status(data or default_data())
    if as_json:
        typer.echo(json.dumps([progress_view.row(health) for health in found]))
    elif found:
        progress_view.table(found, Console(highlight=False))
    else:
        typer.echo("Not up. Start it with `headrace sandbox up`.")
    if not found or not all(health.alive for health in found):
        raise typer.Exit(1)


@app.command()
def env(data: DataOption = None, as_json: JsonFlag = False) -> None:
    """Print the variables under which AWS's SDKs, the aws command line and Headrace find the sandbox.

    For a shell: eval "$(headrace sandbox env)"
    """
    with _errors_in_one_line():
        variables = _variables(data)
    if as_json:
        typer.echo(json.dumps(variables))
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command(context_settings={"allow_interspersed_args": False})
def kafka(tool: Tool, arguments: Arguments = None, data: DataOption = None) -> None:
    """Run one of Kafka's own tools on the sandbox's broker, for example: kafka topics --list"""
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
    except (SandboxError, OSError) as error:  # a full disk, a folder that may not be written to
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that a start that is cut short leaves nothing running."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
