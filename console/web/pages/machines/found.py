"""What the pages of state machines read, with errors for what does not exist."""

from __future__ import annotations

from headrace.console.errors import CommandError
from headrace.console.machines import map_runs, references
from headrace.console.machines.map_runs import MapRunProgress
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.execution_states import StateVisit
from headrace.console.views.queries.executions import StoredExecution
from headrace.console.web.failures import NotFoundError
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.streams.executions.definitions import MachineRecord


def machine_named(services: MachineServices, name: str) -> MachineRecord:
    """Return a machine. Raises `NotFoundError` if there is none."""
    try:
        return references.find_machine(services, name)
    except CommandError as error:
        raise NotFoundError(str(error)) from error


def execution_named(services: MachineServices, reference: str) -> StoredExecution:
    """Return an execution by ARN or MACHINE/NAME. Raises `NotFoundError` if there is none."""
    try:
        return references.find_execution(services, reference)
    except CommandError as error:
        raise NotFoundError(str(error)) from error


def map_run_named(services: MachineServices, arn: str) -> MapRunProgress:
    """Return a run of a distributed Map. Raises `NotFoundError` if there is none."""
    try:
        return map_runs.find(services, arn)
    except CommandError as error:
        raise NotFoundError(str(error)) from error


def visit_numbered(visits: list[StateVisit], text: str) -> StateVisit | None:
    """Return the visit that a state was entered with; None for an empty text.

    Raises:
        NotFoundError: There is no such visit.
    """
    if not text:
        return None
    try:
        number = parse_int(text, 1)
    except InvalidValueError:
        number = 0
    found = next((visit for visit in visits if visit.entered == number), None)
    if found is None:
        raise NotFoundError(f"the execution entered no state with the event {text}")
    return found
