"""The definition that a command reads: a file, or `-` for standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.terminal.user_files import read_document

if TYPE_CHECKING:
    from headrace.streams.machines.validation import Verdict

MAX_VALUE = 300
"""Characters of a value in text. JSON has all of it."""
FileArgument = Annotated[str, typer.Argument(help="JSON file with the definition; - for stdin.", show_default=False)]


def valid_definition(file: str) -> dict[str, Any]:
    """Read a definition without errors.

    Raises:
        CommandError: It has errors.
    """
    from headrace.console.errors import CommandError
    from headrace.streams.machines.validation import validate

    verdict = validate(read_document(file))
    if verdict.definition is None or not verdict.ok:
        raise CommandError(f"{file} has {summary(verdict)}. To list them: headrace machine validate {file}")
    return verdict.definition


def load_json(text: str, name: str) -> Any:
    """Parse JSON of the operator.

    Raises:
        CommandError: It is no JSON, or too large.
    """
    from headrace.console.errors import CommandError
    from headrace.schemas.parsing import InvalidValueError, parse_json

    try:
        return parse_json(text)
    except InvalidValueError as error:
        raise CommandError(f"{name} cannot be read: {error}") from error


def summary(verdict: Verdict) -> str:
    """Return the numbers of errors and warnings: `2 errors, 1 warning`."""
    from headrace.console.terminal.formatting import pluralize

    errors = sum(finding.severity == "ERROR" for finding in verdict.findings)
    warnings = len(verdict.findings) - errors
    parts = [pluralize(errors, "error"), pluralize(warnings, "warning")]
    return ", ".join(part for part, number in zip(parts, (errors, warnings), strict=True) if number) or "no findings"


def cut(text: str) -> str:
    """Return a text cut to `MAX_VALUE`."""
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}... ({len(text):,} characters)"
