"""`headrace machine list`, `describe`, `history` and `watch`: executions in the views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.machine.connection import (
    ExecutionArgument,
    MachineJsonOption,
    StatusOption,
    clock_text,
    execution_line,
    with_services,
)
from headrace.console.commands.machine.definition_file import cut
from headrace.console.terminal.output import print_answer, print_json, print_line

if TYPE_CHECKING:
    from headrace.console.machines.port import MachineServices
    from headrace.console.views.queries.execution_states import StateVisit
    from headrace.console.views.queries.executions import StoredExecution

WATCH_SECONDS = 0.5
_WATCHED = 200


def list_(
    machine: Annotated[str, typer.Argument(help="State machine whose executions are listed.", show_default=False)] = "",
    status: StatusOption = None,
    error: Annotated[str | None, typer.Option(help="Error of the execution.", show_default=False)] = None,
    asset: Annotated[str | None, typer.Option(help="Asset in the input: bucket/key.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option(help="Started since: a time, or -2h.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of executions.")] = 50,
    as_json: MachineJsonOption = False,
) -> None:
    """List state machines, or the executions of one, newest first."""

    async def work(services: MachineServices) -> None:
        from headrace.console.machines.execution_criteria import ExecutionCriteria

        criteria = ExecutionCriteria(machine, status or "", error or "", asset or "", since or "")
        if criteria != ExecutionCriteria():
            _print_executions(services.reader.newest(criteria.filter(services), limit), as_json)
        else:
            _print_machines(services, as_json)

    with_services(work)


def describe(
    reference: Annotated[str, typer.Argument(help="MACHINE, MACHINE/EXECUTION or an ARN.", show_default=False)],
    as_json: MachineJsonOption = False,
) -> None:
    """Show a state machine with its running executions by state, or an execution with its states and attempts."""

    async def work(services: MachineServices) -> None:
        if "/" in reference or ":execution:" in reference:
            _describe_execution(services, reference, as_json)
        else:
            _describe_machine(services, reference, as_json)

    with_services(work)


def history(
    execution: ExecutionArgument,
    reverse: Annotated[bool, typer.Option("--reverse", help="Newest events first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of events.")] = 1_000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line for each event, as AWS returns it.")
    ] = False,
) -> None:
    """Print the events of an execution, with the types and details of AWS."""

    async def work(services: MachineServices) -> None:
        from headrace.console.machines import documents, payloads, references
        from headrace.streams.machines.json_text import compact

        found = references.find_execution(services, execution)
        for event in services.reader.events(found.arn, limit, None, reverse):
            if as_json:
                print_answer(documents.event_text(services, event).decode())
            else:
                details = compact(payloads.details_of(services, event))
                print_line(f"{event.id:>5} {clock_text(event.at)} {event.type} {cut(details)}")

    with_services(work)


def watch(
    machine: Annotated[str, typer.Argument(help="State machine; default: all.", show_default=False)] = "",
    status: StatusOption = None,
) -> None:
    """Print executions as they start, end and are redriven, until Ctrl-C."""

    async def work(services: MachineServices) -> None:
        import asyncio
        import time

        from headrace.console.machines.execution_criteria import ExecutionCriteria

        query = ExecutionCriteria(machine, status or "").filter(services)
        known: dict[str, tuple[str, int]] = {}
        begin = time.time()
        while True:
            for execution in reversed(services.reader.newest(query, _WATCHED)):
                state = (execution.status, execution.redrives)
                changed = execution.stopped_at or execution.started_at
                if known.get(execution.arn) != state and (execution.arn in known or changed >= begin - 60):
                    print_line(execution_line(execution))
                known[execution.arn] = state
            await asyncio.sleep(WATCH_SECONDS)

    with_services(work)


def _print_executions(found: list[StoredExecution], as_json: bool) -> None:
    from headrace.console.machines import documents

    if as_json:
        print_json([documents.execution_document(execution) for execution in found])
        return
    for execution in found:
        print_line(execution_line(execution))
    if not found:
        print_line("no executions")


def _print_machines(services: MachineServices, as_json: bool) -> None:
    from msgspec import to_builtins

    from headrace.console.machines import documents

    records = documents.machines(services)
    if as_json:
        print_json([to_builtins(record) for record in records])
        return
    for record in records:
        print_line(f"{record.name} {record.type} revision {record.revision[:12]} updated {record.updated_at[:19]}")
    if not records:
        print_line("no state machines: headrace machine deploy FILE creates one")


def _describe_machine(services: MachineServices, reference: str, as_json: bool) -> None:
    from headrace.console.machines import documents, references
    from headrace.streams.machines import drawing
    from headrace.streams.machines.validation import validate

    record = references.find_machine(services, reference)
    document = documents.machine_document(services, record)
    if as_json:
        print_json(document)
        return
    counts, running = document["executions"], document["running_states"]
    print_line(f"{record.arn} {record.type}")
    print_line(f"revision {record.revision}, updated {record.updated_at[:19]}")
    print_line("executions: " + (", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"))
    definition = validate(document["definition"]).definition
    for line in drawing.machine_text(definition).splitlines() if definition is not None else ():
        name = line.strip().lstrip("●○ ").partition(" [")[0]
        print_line(line + (f"  ({running[name]} running)" if name in running else ""))


def _describe_execution(services: MachineServices, reference: str, as_json: bool) -> None:
    from headrace.console.machines import documents, references
    from headrace.streams.machines.json_text import compact

    execution = references.find_execution(services, reference)
    document = documents.execution_details(services, execution)
    if as_json:
        print_json(document)
        return
    print_line(execution_line(execution))
    print_line(f"input   {cut(compact(document['input']))}")
    for visit in services.reader.visits(execution):
        _print_visit(visit)
    if "output" in document:
        print_line(f"output  {cut(compact(document['output']))}")
    if execution.cause:
        print_line(f"cause   {cut(execution.cause)}")


def _print_visit(visit: StateVisit) -> None:
    from headrace.console.terminal.formatting import format_duration

    indent = "  " * (visit.level + 1)
    took = "" if visit.exited_at is None else f" {format_duration(visit.exited_at - visit.entered_at)}"
    iteration = "" if visit.iteration is None else f" [{visit.iteration}]"
    attempts = f" {visit.attempts} attempts" if visit.attempts > 1 else ""
    error = f" {visit.error}" if visit.error else ""
    print_line(f"{indent}{visit.state}{iteration} ({visit.type}) {visit.status}{took}{attempts}{error}")
    for each in visit.tries:
        why = f" {each.error}: {cut(each.cause or '')}" if each.error else ""
        print_line(f"{indent}  {each.resource} {each.status}{why}")
