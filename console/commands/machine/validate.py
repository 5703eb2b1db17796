"""`headrace machine validate`: check a definition as AWS does."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from headrace.console.commands.machine.definition_file import FileArgument, summary
from headrace.console.terminal.output import print_json, print_line
from headrace.console.terminal.user_files import read_document


def validate(
    file: FileArgument,
    machine_type: Annotated[
        Literal["STANDARD", "EXPRESS"], typer.Option("--type", help="Type of the state machine.")
    ] = "STANDARD",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the response of AWS's ValidateStateMachineDefinition.")
    ] = False,
) -> None:
    """Check a definition: all errors and warnings, with the codes and locations of AWS. Exit code 1 for an error.

    Example: headrace machine validate order.asl.json
    """
    from headrace.streams.machines import validation

    verdict = validation.validate(read_document(file), machine_type)
    if as_json:
        print_json(verdict.as_json())
    else:
        for finding in verdict.findings:
            place = f" {finding.location}" if finding.location else ""
            print_line(f"{finding.severity} {finding.code}{place}: {' '.join(finding.message.split())}")
        print_line(f"{file}: {summary(verdict)}")
    if not verdict.ok:
        raise typer.Exit(1)
