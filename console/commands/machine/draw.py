"""`headrace machine draw`: a definition as SVG or text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.console.commands.machine.definition_file import FileArgument
from headrace.console.terminal.output import print_line, print_lines
from headrace.console.terminal.user_files import read_document


def draw(
    file: FileArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="SVG file to write.", show_default=False)
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print text instead of SVG.")] = False,
) -> None:
    """Draw a definition as SVG, to standard output or a file, or as text. The definition may have errors.

    Example: headrace machine draw order.asl.json --output order.svg
    """
    from headrace.console.errors import CommandError
    from headrace.streams.machines import drawing
    from headrace.streams.machines.validation import validate

    if text and output is not None:
        raise CommandError("--text prints to standard output: omit --output, or redirect the output")
    definition = validate(read_document(file)).definition
    if definition is None:
        raise CommandError(f"{file} is no JSON object. To list its errors: headrace machine validate {file}")
    if text:
        print_lines(drawing.machine_text(definition))
        return
    try:
        svg = drawing.machine_svg(definition)
    except drawing.DrawingError as error:
        raise CommandError(f"{file}: {error} Use --text") from error
    if output is None:
        print_lines(svg.rstrip("\n"))
    else:
        output.write_text(svg, "utf-8")
        print_line(f"{output}: {len(svg.encode()):,} bytes")
