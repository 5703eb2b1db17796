"""How commands name machines and executions."""

from __future__ import annotations

from headrace.console.machines import arns, starts
from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import StoredExecution
from headrace.streams.executions.definitions import MachineRecord


def machine_arn(services: MachineServices, reference: str) -> str:
    """Return the ARN of `NAME`, `NAME:VERSION`, `NAME:ALIAS`, or of one of these as ARN."""
    return reference if reference.startswith("arn:") else services.arns.machine(reference)


def find_machine(services: MachineServices, reference: str) -> MachineRecord:
    """Return a machine by its name or ARN.

    Raises:
        MachineServiceError: It does not exist.
    """
    name = reference if not reference.startswith("arn:") else arns.parse(reference, "stateMachine").name
    record = services.table.machine_record(name.partition(":")[0])
    if record is None:
        raise MachineServiceError(
            "StateMachineDoesNotExist", f"no state machine {name}: headrace machine list lists them"
        )
    return record


def find_execution(services: MachineServices, reference: str) -> StoredExecution:
    """Return an execution by its ARN or `MACHINE/NAME`.

    Raises:
        MachineServiceError: It does not exist.
    """
    if reference.startswith("arn:"):
        return starts.find(services, reference)
    machine, _, name = reference.partition("/")
    record = find_machine(services, machine)
    arn = f"{record.arn.replace(':stateMachine:', ':execution:')}:{name}"
    execution = starts.known(services, arn) if name else None
    if execution is None:
        raise MachineServiceError(
            "ExecutionDoesNotExist",
            f"no execution {name or '(no name)'} of {machine}: headrace machine list {machine} lists them",
        )
    return execution
