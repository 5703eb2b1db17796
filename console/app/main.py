"""`headrace`: the table of commands, and the handler that prints expected errors in one line."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer

from headrace.console.app.lazy import LazyCommand, LazyGroup, entry_point_commands
from headrace.console.app.process import discard_output, end_on_signals, flush_output, open_closed_streams
from headrace.console.explain import describe
from headrace.console.terminal.output import print_error, print_traceback
from headrace.schemas.safe_text import safe_text

COMMANDS = {
    "put": "headrace.console.commands.put:put",
    "watch": "headrace.console.commands.watch:watch",
    "console": "headrace.console.commands.console:app",
    "search": "headrace.console.commands.search:search",
    "faces": "headrace.console.commands.faces:app",
    "trace": "headrace.console.commands.trace:trace",
    "assets": "headrace.console.commands.assets:app",
    "status": "headrace.console.commands.status:status",
    "health": "headrace.console.commands.health:health",
    "audit": "headrace.console.commands.audit:app",
    "doctor": "headrace.console.commands.doctor:doctor",
    "worker": "headrace.console.commands.worker:worker",
    "bridge": "headrace.console.commands.bridge:app",
    "webhook": "headrace.console.commands.webhook:webhook",
    "backfill": "headrace.console.commands.backfill:backfill",
    "reconcile": "headrace.console.commands.reconcile:reconcile",
    "dlq": "headrace.console.commands.dlq:app",
    "replay": "headrace.console.commands.replay.rewind:app",
    "pipeline": "headrace.console.commands.pipeline:app",
    "views": "headrace.console.commands.views:app",
    "cost": "headrace.console.commands.cost:cost",
    "rules": "headrace.console.commands.rules.test:app",
    "machine": "headrace.console.commands.machine.group:app",
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
                _make_safe(error)
                raise
            if ctx.params.get("debug"):
                print_traceback(error)
            print_error(message)
            raise typer.Exit(EXIT_ERROR) from None

    def make_context(self, *given: Any, **options: Any) -> Any:
        """Parse the arguments of the group."""
        try:
            return super().make_context(*given, **options)
        except Exception as error:
            _make_safe(error)
            raise


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
    """Run the command line. An unexpected error is printed with its stack."""
    open_closed_streams()
    end_on_signals()
    try:
        app(prog_name="headrace")
    except SystemExit as ended:
        try:
            flush_output()
        except OSError as error:
            print_error(describe(error) or str(error))
            sys.exit(EXIT_ERROR)
        raise ended from None
    except Exception as error:
        if (message := describe(error)) is None:
            print_traceback(error)
        else:  # raised outside a command, such as by its help
            print_error(message)
            discard_output()
        sys.exit(EXIT_ERROR)


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


def _make_safe(error: Exception) -> None:
    """Make the texts of an error safe that typer prints: a usage error quotes the command line."""
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, safe_text(value))
