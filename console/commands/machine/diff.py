"""`headrace machine diff`: the difference of two definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.machine.connection import MachineArgument, MachineJsonOption, with_services
from headrace.console.commands.machine.definition_file import valid_definition
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from headrace.console.machines.port import MachineServices


def diff(
    machine: MachineArgument,
    other: Annotated[
        str, typer.Argument(help="FILE, NAME, NAME:VERSION or NAME:ALIAS; default: the current revision.")
    ] = "",
    as_json: MachineJsonOption = False,
) -> None:
    """Compare the definition of a machine, a version or an alias with another one. Exit code 1 if they differ.

    Example: headrace machine diff order:3 order.asl.json
    """
    from headrace.console.machines.definition_diff import diff_definitions

    is_file = other.endswith(".json") or other == "-"
    new = valid_definition(other) if is_file else None
    name = other or machine.partition(":")[0]

    async def work(services: MachineServices) -> tuple[Any, Any]:
        return _definition(services, machine), new if new is not None else _definition(services, name)

    old, new = with_services(work)
    found = diff_definitions(old, new, machine, name)
    if as_json:
        print_json({"added": found.added, "removed": found.removed, "changed": found.changed, "lines": found.lines})
    else:
        for line in found.lines:
            print_line(line)
        for kind in ("added", "removed", "changed"):
            if states := getattr(found, kind):
                print_line(f"{kind}: {', '.join(states)}")
        if found.is_empty:
            print_line("no differences")
    if not found.is_empty:
        raise typer.Exit(1)


def _definition(services: MachineServices, reference: str) -> Any:
    from headrace.console.machines import catalog, references, starts
    from headrace.streams.machines.validation import validate

    resolved = starts.resolve(services, references.machine_arn(services, reference))
    return validate(catalog.definition_text(services, resolved.revision)).definition or {}
