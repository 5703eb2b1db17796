"""`headrace machine start`, `stop` and `redrive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.machine.connection import (
    ExecutionArgument,
    MachineArgument,
    MachineJsonOption,
    StatusOption,
    execution_line,
    with_services,
)
from headrace.console.commands.machine.definition_file import load_json
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from headrace.console.machines.port import MachineServices
    from headrace.console.machines.redrive_request import PlannedRedrive

_SHOWN = 20


def start(
    machine: MachineArgument,
    value: Annotated[
        str, typer.Option("--input", help="Input: JSON, @FILE, or - for stdin.", show_default=False)
    ] = "{}",
    name: Annotated[str, typer.Option(help="Name of the execution; default: a random one.")] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the end; 0: do not wait.")] = 0.0,
    as_json: MachineJsonOption = False,
) -> None:
    """Start an execution. With --wait, the exit code is 1 unless it succeeds in time.

    The same name and input again return the running execution.
    """
    from headrace.console.commands.machine.test import read_input

    given = read_input(value)

    async def work(services: MachineServices) -> Any:
        from headrace.console.machines import references, starts

        resolved = starts.resolve(services, references.machine_arn(services, machine))
        execution = await starts.start(services, resolved, name, given)
        if wait:
            return await starts.wait_for_end(services, execution.arn, wait) or execution
        return execution

    from headrace.console.machines.documents import execution_document

    execution = with_services(work)
    print_json(execution_document(execution)) if as_json else print_line(f"{execution.status} {execution.arn}")
    if wait and execution.status != "SUCCEEDED":
        raise typer.Exit(1)


def stop(
    execution: ExecutionArgument,
    error: Annotated[str | None, typer.Option(help="Error of the execution.", show_default=False)] = None,
    cause: Annotated[str | None, typer.Option(help="Cause of the error.", show_default=False)] = None,
) -> None:
    """Stop an execution: its tasks are cancelled, and its status becomes ABORTED."""

    async def work(services: MachineServices) -> str:
        from headrace.console.machines import references, starts

        found = references.find_execution(services, execution)
        await starts.stop(services, found, error, cause)
        return found.arn if found.status == starts.RUNNING else f"{found.arn} has ended: {found.status}"

    print_line(f"stopping {with_services(work)}")


def redrive(
    executions: Annotated[
        list[str] | None, typer.Argument(help="Executions: MACHINE/NAME or ARN.", show_default=False)
    ] = None,
    machine: Annotated[str, typer.Option(help="All unsuccessful executions of this machine.", show_default=False)] = "",
    status: StatusOption = None,
    error: Annotated[str | None, typer.Option(help="With this error.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option(help="Started since: a time, or -2h.", show_default=False)] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="STATE=JSON: another input of a failed state.")
    ] = None,
    version: Annotated[
        str, typer.Option(help="Continue with this version, or `latest`; default: the definition of each execution.")
    ] = "",
    canary: Annotated[int, typer.Option(min=0, help="Redriven first; the rest only if all of them succeed.")] = 1,
    rate: Annotated[float, typer.Option(min=0.01, help="Executions per second after the canary.")] = 10.0,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of executions.")] = 10_000,
    execute: Annotated[bool, typer.Option("--execute", help="Redrive them; default: only show the plan.")] = False,
    as_json: MachineJsonOption = False,
) -> None:
    """Run unsuccessful executions again from their failed states. What succeeded keeps its result.

    Without --execute, the plan is shown: the executions, those that cannot be redriven, and what another definition
    changes in the states that run again. Ctrl-C cancels what has not started.

    Example: headrace machine redrive --machine order --error Timeout --version latest --execute
    """
    overrides = dict(map(_override, inputs or ()))

    async def work(services: MachineServices) -> None:
        from headrace.console.machines import redrive_request
        from headrace.console.machines.execution_criteria import ExecutionCriteria

        criteria = ExecutionCriteria(machine, status or "", error or "", since=since or "")
        request = redrive_request.BulkRedriveRequest(
            tuple(executions or ()), criteria, overrides, version, canary, rate, limit
        )
        planned = redrive_request.plan(services, request)
        print_json(planned.document(execute)) if as_json else _print_plan(planned, execute)
        if execute:
            await _run(services, planned)

    with_services(work)


def _print_plan(planned: PlannedRedrive, execute: bool) -> None:
    plan = planned.plan
    for each in plan.executions[:_SHOWN]:
        print_line(execution_line(each))
    if len(plan.executions) > _SHOWN:
        print_line(f"... and {len(plan.executions) - _SHOWN} more")
    for state, fields in planned.changes.items():
        print_line(f"changed in {state}: {', '.join(fields)}")
    for each, reason in plan.refused:
        print_line(f"not redriven: {each.arn}: {reason}")
    counts = ", ".join(f"{number} {error}" for error, number in plan.errors().items())
    print_line(f"{len(plan.executions)} to redrive{f' ({counts})' if counts else ''}, {len(plan.refused)} refused")
    if not execute:
        print_line("nothing was redriven: add --execute")


async def _run(services: MachineServices, planned: PlannedRedrive) -> None:
    from headrace.console.machines.bulk_redrive import run_redrive

    done = 0
    try:
        async for execution in run_redrive(services, planned.plan, planned.options):
            done += 1
            print_line(f"redriven {execution.arn}")
    finally:
        left = len(planned.plan.executions) - done
        print_line(f"{done} redriven" + (f", {left} not started" if left else ""))


def _override(text: str) -> tuple[str, Any]:
    from headrace.console.errors import CommandError

    state, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"--input {text}: give STATE=JSON")
    return state, load_json(value, f"the input of {state}")
