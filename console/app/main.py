"""`headrace`: where each command lies, and the one place that turns expected errors into a line."""

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
"""Exit code of a command that could not do what it was asked to."""


class CommandGroup(LazyGroup):
    """Our own commands, and those that other packages add through the entry-point group `headrace.commands`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, target in (entry_point_commands("headrace.commands") | COMMANDS).items():
            self.add_command(LazyCommand(name, target), name)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error that can be expected ends it with one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except Exception as error:  # the one place where a command's errors meet the person at the keyboard
            said = describe(error)
            if said is None:
                raise
            if ctx.params.get("debug"):
                traceback.print_exception(error)
            print_error(said)
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

    logging.configure(json=False)  # what is said on the way goes to standard error, and never into an answer
    apply_default_environment()


def main() -> None:
    """Run the command line."""
    end_on_sigterm()
    app(prog_name="headrace")


def end_on_sigterm() -> None:
    """Let SIGTERM end this process as an exit does, so that what it holds is let go."""
    signal.signal(signal.SIGTERM, _terminated)


def apply_default_environment() -> None:
    """Set variables that are unset, where an installed package knows what they should be. Those that are set win."""
    for point in entry_points(group="headrace.environment"):
        try:
            known = point.load()()
        except Exception as error:  # one package that cannot say must not take every command with it
            print_error(f"{point.value} knows no environment: {error}")
            continue
        for name, value in known.items():
            os.environ.setdefault(name, value)


def print_error(said: str) -> None:
    """Write a line to standard error, red where that is a terminal."""
    typer.secho(" ".join(said.split("\n")), fg="red", err=True)


def _terminated(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)
