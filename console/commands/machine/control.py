"""`headrace machine start`, `stop` and `redrive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.machine.connection import (
    ExecutionArgument,
    MachineArgument,
    MachineJsonOption,
    StatusOption,
    checked_status,
    execution_line,
    execution_row,
    seconds_of,
    with_services,
)
from headrace.console.commands.machine.definition_file import load_json
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from headrace.console.machines.bulk_redrive import BulkRedriveOptions, BulkRedrivePlan
    from headrace.console.machines.port import MachineServices
    from headrace.console.views.queries.executions import ExecutionFilter

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

    execution = with_services(work)
    print_json(execution_row(execution)) if as_json else print_line(f"{execution.status} {execution.arn}")
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
        from headrace.console.machines.bulk_redrive import BulkRedriveOptions

        revision = _revision(services, machine or (executions or [""])[0], version)
        options = BulkRedriveOptions(overrides, revision, canary, rate)
        query = _filter(services, machine, status, error, since)
        plan = _plan(services, executions or [], query, options, limit)
        _print_plan(services, plan, options, execute, as_json)
        if execute:
            await _run(services, plan, options)

    with_services(work)


def _plan(
    services: MachineServices, names: list[str], query: ExecutionFilter | None, options: BulkRedriveOptions, limit: int
) -> BulkRedrivePlan:
    from headrace.console.errors import CommandError
    from headrace.console.machines import bulk_redrive, references

    if bool(names) == (query is not None):
        raise CommandError("name executions, or give --machine with a filter")
    if query is not None:
        return bulk_redrive.plan_redrive(services, query, options, limit)
    found = [references.find_execution(services, name) for name in names]
    reasons = [(each, bulk_redrive.obstacle(services, each, options)) for each in found]
    refused = tuple((each, reason) for each, reason in reasons if reason is not None)
    return bulk_redrive.BulkRedrivePlan(tuple(each for each, reason in reasons if reason is None), refused)


def _filter(
    services: MachineServices, machine: str, status: str | None, error: str | None, since: str | None
) -> ExecutionFilter | None:
    from headrace.console.machines import references
    from headrace.console.views.queries.executions import ExecutionFilter

    if not machine:
        return None
    arn = references.find_machine(services, machine).arn
    own = checked_status(status)
    return ExecutionFilter(machine=arn, status=own, error=error, started_since=seconds_of(since))


def _print_plan(
    services: MachineServices, plan: BulkRedrivePlan, options: BulkRedriveOptions, execute: bool, as_json: bool
) -> None:
    if as_json:
        refused = [{"execution": each.arn, "reason": reason} for each, reason in plan.refused]
        answer = {"execute": execute, "executions": [each.arn for each in plan.executions], "refused": refused}
        print_json({**answer, "errors": plan.errors(), "changes": _changes(services, plan, options)})
        return
    for each in plan.executions[:_SHOWN]:
        print_line(execution_line(each))
    if len(plan.executions) > _SHOWN:
        print_line(f"... and {len(plan.executions) - _SHOWN} more")
    for state, fields in _changes(services, plan, options).items():
        print_line(f"changed in {state}: {', '.join(fields)}")
    for each, reason in plan.refused:
        print_line(f"not redriven: {each.arn}: {reason}")
    counts = ", ".join(f"{number} {error}" for error, number in plan.errors().items())
    print_line(f"{len(plan.executions)} to redrive{f' ({counts})' if counts else ''}, {len(plan.refused)} refused")
    if not execute:
        print_line("nothing was redriven: add --execute")


def _changes(services: MachineServices, plan: BulkRedrivePlan, options: BulkRedriveOptions) -> dict[str, list[str]]:
    """Return the fields that another definition changes, by state, over the shown executions."""
    from headrace.console.machines import bulk_redrive

    if options.revision is None:
        return {}
    found: dict[str, list[str]] = {}
    for execution in plan.executions[:_SHOWN]:
        for each in bulk_redrive.findings(services, execution, options.revision):
            if each.changes:
                found[each.state] = list(each.changes)
    return found


async def _run(services: MachineServices, plan: BulkRedrivePlan, options: BulkRedriveOptions) -> None:
    from headrace.console.machines.bulk_redrive import run_redrive

    done = 0
    try:
        async for execution in run_redrive(services, plan, options):
            done += 1
            print_line(f"redriven {execution.arn}")
    finally:
        left = len(plan.executions) - done
        print_line(f"{done} redriven" + (f", {left} not started" if left else ""))


def _revision(services: MachineServices, reference: str, version: str) -> str | None:
    """Return the revision of an option; None for the definition of each execution."""
    from headrace.console.errors import CommandError
    from headrace.console.machines import arns, references
    from headrace.schemas.parsing import InvalidValueError, parse_int

    if not version:
        return None
    name = arns.parse(reference, "execution").name if reference.startswith("arn:") else reference.partition("/")[0]
    record = references.find_machine(services, name)
    if version == "latest":
        return record.revision
    try:
        found = services.table.version(record.name, parse_int(version, 1))
    except InvalidValueError:
        found = None
    if found is None:
        raise CommandError(f"{name} has no version {version}: headrace machine versions {name} lists them")
    return found.revision


def _override(text: str) -> tuple[str, Any]:
    from headrace.console.errors import CommandError

    state, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"--input {text}: give STATE=JSON")
    return state, load_json(value, f"the input of {state}")
