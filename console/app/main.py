"""`headrace`: the table of commands, and the handler that prints expected errors in one line."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib.metadata import entry_points
from typing import Annotated, Any, NoReturn

import typer

from headrace.console.app.lazy import LazyCommand, LazyGroup, entry_point_commands
from headrace.console.explain import describe

COMMANDS = {
    "put": "headrace.console.commands.put:put",
    "watch": "headrace.console.commands.watch:watch",
    "trace": "headrace.console.commands.trace:trace",
    "status": "headrace.console.commands.status:status",
    "health": "headrace.console.commands.health:health",
    "doctor": "headrace.console.commands.doctor:doctor",
    "worker": "headrace.console.commands.worker:worker",
    "bridge": "headrace.console.commands.bridge:app",
    "webhook": "headrace.console.commands.webhook:webhook",
    "backfill": "headrace.console.commands.backfill:backfill",
    "dlq": "headrace.console.commands.dlq:app",
    "replay": "headrace.console.commands.replay.rewind:app",
    "pipeline": "headrace.console.commands.pipeline:app",
    "cost": "headrace.console.commands.cost:cost",
    "rules": "headrace.console.commands.rules.test:app",
    "subscribe": "headrace.console.commands.subscribe:subscribe",
    "topics": "headrace.console.commands.topics:app",
    "schemas": "headrace.console.commands.schemas:app",
    "version": "headrace.console.commands.version:version",
}
EXIT_ERROR = 1
"""Exit code of a command that failed."""


class CommandGroup(LazyGroup):
    """The commands of Headrace, and those of the entry-point group `headrace.commands`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, target in (entry_point_commands("headrace.commands") | COMMANDS).items():
            self.add_command(LazyCommand(name, target), name)

    def invoke(self, ctx: Any) -> Any:
        """Run a command. An expected error ends it with one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except Exception as error:  # the only handler of command errors
            message = describe(error)
            if message is None:
                raise
            if ctx.params.get("debug"):
                traceback.print_exception(error)
            print_error(message)
            raise typer.Exit(EXIT_ERROR) from None


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def headrace(
    debug: Annotated[bool, typer.Option("--debug", envvar="HEADRACE_DEBUG", help="Show tracebacks.")] = False,
) -> None:
    """Media that lands in S3 comes out analysed."""
    from headrace.schemas.runtime import logging

    logging.configure(json=False)  # logs go to standard error, never into output
    apply_default_environment()


def main() -> None:
    """Run the command line."""
    end_on_sigterm()
    app(prog_name="headrace")


def end_on_sigterm() -> None:
    """Exit on SIGTERM, so that resources are released."""
    signal.signal(signal.SIGTERM, _terminated)


def apply_default_environment() -> None:
    """Set unset variables to the defaults of the entry-point group `headrace.environment`."""
    for point in entry_points(group="headrace.environment"):
        try:
            known = point.load()()
        except Exception as error:  # a broken package must not break every command
            print_error(f"{point.value} failed to provide the environment: {error}")
            continue
        for name, value in known.items():
            os.environ.setdefault(name, value)


def print_error(message: str) -> None:
    """Print a line to standard error, in red on a terminal."""
    typer.secho(" ".join(message.split("\n")), fg="red", err=True)


def _terminated(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)
