"""Print lines and JSON. All output of commands goes through this module or `headrace.console.terminal.screen`.

A line has no secrets and no invisible characters; JSON has no secrets and is ASCII.
"""

from __future__ import annotations

import sys
from typing import Any, BinaryIO

import typer

from headrace.console.errors import CommandError
from headrace.schemas.runtime.tracebacks import format_exception
from headrace.schemas.safe_text import safe_json, safe_text

MAX_SECRET_CHARACTERS = 10_000
"""Characters of a secret on standard input. A password has fewer."""


def print_line(text: str = "", *, error: bool = False, end: str = "\n") -> None:
    """Print one line, to standard error if it is an `error`. A line break in the text is escaped."""
    _write(safe_text(text) + end, error)


def print_lines(text: str, *, error: bool = False) -> None:
    """Print a text whose line breaks are ours, such as a report."""
    for line in text.split("\n"):
        print_line(line, error=error)


def print_error(message: str) -> None:
    """Print an error message in one line to standard error, in red on a terminal."""
    typer.secho(safe_text(message), fg="red", err=True)


def print_traceback(error: BaseException) -> None:
    """Print an exception with its stack to standard error."""
    _write(format_exception(error) + "\n", error=True)


def print_json(document: Any, indent: int | None = 2) -> None:
    """Print JSON. All data except secrets is exact."""
    _write(safe_json(document, indent) + "\n", error=False)


def print_verbatim(text: str) -> None:
    """Print text for a shell to evaluate. It must be quoted, and not external."""
    _write(text + "\n", error=False)


def export_stream() -> BinaryIO:
    """Return standard output for an export, which is neither redacted nor escaped.

    Raises:
        CommandError: standard output is a terminal.
    """
    if sys.stdout.isatty():
        raise CommandError("an export is not redacted: name a file, or redirect the output")
    return sys.stdout.buffer


def print_answer(line: str) -> None:
    """Print a line for another program, exactly; on a terminal without secrets and invisible characters."""
    if sys.stdout.isatty():
        print_line(line)
    else:
        export_stream().write(line.encode("utf-8", "backslashreplace") + b"\n")
        export_stream().flush()


def confirm_or_abort(question: str) -> None:
    """Ask for a confirmation, and abort the command without one."""
    typer.confirm(safe_text(question), abort=True)


def ask_secret(question: str) -> str:
    """Return a secret: typed twice on a terminal without being shown, else the first line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(safe_text(question), hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(MAX_SECRET_CHARACTERS).rstrip("\r\n")


def _write(text: str, error: bool) -> None:
    """Write to the current standard output or error, without colours: the text is safe."""
    typer.echo(text, err=error, nl=False)
