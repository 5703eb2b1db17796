"""What the commands share that read or change executions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from headrace.console.machines.port import MachineServices
    from headrace.console.views.queries.executions import StoredExecution

T = TypeVar("T")

MachineJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MachineArgument = Annotated[
    str, typer.Argument(help="NAME, NAME:VERSION, NAME:ALIAS, or the ARN of one of these.", show_default=False)
]
ExecutionArgument = Annotated[str, typer.Argument(help="MACHINE/NAME or an ARN.", show_default=False)]
StatusOption = Annotated[
    str | None,
    typer.Option(help="RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.", show_default=False),
]


def with_services(work: Callable[[MachineServices], Awaitable[T]]) -> T:
    """Open the services, do some work with them, and close them."""
    import asyncio

    from headrace.console.machines.connect import machine_services
    from headrace.console.machines.settings import MachineApiSettings
    from headrace.schemas.settings import load

    async def run(services: MachineServices) -> T:
        return await work(services)

    with machine_services(load(MachineApiSettings)) as services:
        return asyncio.run(run(services))


def execution_line(execution: StoredExecution) -> str:
    """Return an execution in one line."""
    from headrace.console.machines.arns import parse

    machine = parse(execution.machine, "stateMachine").name
    error = f" {execution.error}" if execution.error else ""
    again = f" redriven {execution.redrives}x" if execution.redrives else ""
    return f"{clock_text(execution.started_at)} {execution.status:<9} {machine}/{execution.name}{error}{again}"


def clock_text(seconds: float) -> str:
    """Return a time in UTC with seconds."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
