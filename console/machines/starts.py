"""Start, stop and redrive executions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from headrace.console.machines import arns, payloads
from headrace.console.machines.errors import MachineServiceError, execution_missing, machine_missing
from headrace.console.machines.pending import PendingStart
from headrace.console.machines.port import MachineServices
from headrace.console.machines.settled import settled
from headrace.console.views.queries.executions import StoredExecution
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.definitions import ResolvedMachine, UnknownMachineError
from headrace.streams.machines.json_types import Json

RUNNING = "RUNNING"
_SYNC_SECONDS = 300.0
"""Seconds that StartSyncExecution waits: the longest execution of an Express machine."""
_WORD = re.compile(r"\s*([A-Za-z_]\w*)")
_FIELD = re.compile(r"\s*\{\s*([^\"\s}])")


def resolve(services: MachineServices, reference: str) -> ResolvedMachine:
    """Return what the ARN of a machine, a version or an alias starts.

    Raises:
        MachineServiceError: It is no such ARN, or does not exist.
    """
    parsed = arns.parse(reference, "stateMachine")
    try:
        resolved = services.table.resolve(reference, services.seed() / 2**63)
    except UnknownMachineError:
        raise machine_missing(reference) from None
    if resolved.machine.arn != parsed.unqualified:
        raise machine_missing(reference)
    return resolved


def parse_input(text: str) -> Json:
    """Parse the input of an execution.

    Raises:
        MachineServiceError: It is no JSON.
    """
    try:
        if not text.strip():
            raise InvalidValueError("Invalid execution input.")
        return parse_json(text)
    except InvalidValueError as error:
        message = f"Invalid State Machine Execution Input: '{_reason(text, error)}'"
        raise MachineServiceError("InvalidExecutionInput", message) from None


async def start(services: MachineServices, machine: ResolvedMachine, name: str, value: Json) -> StoredExecution:
    """Start an execution; an empty name is generated. A running execution with this name and input is returned.

    Raises:
        MachineServiceError: The name is invalid, or belongs to another execution.
    """
    generated = not name
    name = name or str(UUID(int=services.seed() << 64 | services.seed(), version=4))
    arns.check_name(name)
    arn = execution_arn(machine.machine.arn, name)
    if not generated and (existing := known(services, arn)) is not None:
        if existing.status != RUNNING or input_of(services, existing) != value:
            raise MachineServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        return existing
    now = services.now()
    await services.commands.start(machine, name, value, generated_name=generated)
    execution = StoredExecution(
        arn=arn,
        name=name,
        machine=machine.machine.arn,
        revision=machine.revision,
        version=machine.version,
        alias=machine.alias,
        parent=None,
        map_run=None,
        asset=None,
        status=RUNNING,
        started_at=now.timestamp(),
        stopped_at=None,
        redrives=0,
        redriven_at=None,
        error=None,
        cause=None,
        last_event=0,
    )
    services.pending.add(PendingStart(execution, value))
    return execution


def known(services: MachineServices, arn: str) -> StoredExecution | None:
    """Return an execution of the views, or one that this process has just started; None if it is unknown."""
    execution = services.reader.one(arn)
    if execution is not None:
        services.pending.drop(arn)
        return execution
    pending = services.pending.get(arn)
    return None if pending is None else pending.execution


def find(services: MachineServices, arn: str) -> StoredExecution:
    """Return an execution.

    Raises:
        MachineServiceError: The text is no ARN of an execution, or it does not exist.
    """
    arns.parse(arn, "execution")
    execution = known(services, arn)
    if execution is None:
        raise execution_missing(arn)
    return execution


def input_of(services: MachineServices, execution: StoredExecution) -> Json:
    """Return the input of an execution."""
    pending = services.pending.get(execution.arn)
    if pending is not None:
        return pending.input
    return payloads.boundaries(services, execution)[0].get("input")


async def wait_for_end(services: MachineServices, arn: str, seconds: float = _SYNC_SECONDS) -> StoredExecution | None:
    """Return an execution once it has ended; None if it still runs after some seconds."""
    found: list[StoredExecution] = []

    def has_ended() -> bool:
        execution = services.reader.one(arn)
        if execution is not None and execution.status != RUNNING:
            found.append(execution)
        return bool(found)

    await settled(has_ended, seconds)
    return found[0] if found else None


async def wait_for_redrive(
    services: MachineServices, before: StoredExecution, seconds: float
) -> StoredExecution | None:
    """Return an execution once a redrive of it has ended; None if it still runs after some seconds."""
    found: list[StoredExecution] = []

    def has_ended() -> bool:
        current = services.reader.one(before.arn)
        if current is not None and current.redrives > before.redrives and current.status != RUNNING:
            found.append(current)
        return bool(found)

    await settled(has_ended, seconds)
    return found[0] if found else None


async def stop(services: MachineServices, execution: StoredExecution, error: str | None, cause: str | None) -> datetime:
    """Stop an execution and return when; for one that has ended, when it ended."""
    if execution.status != RUNNING:
        return datetime.fromtimestamp(execution.stopped_at or execution.started_at, UTC)
    now = services.now()
    await services.commands.stop(execution.arn, execution.redrives, error, cause)
    return now


async def redrive(
    services: MachineServices,
    execution: StoredExecution,
    inputs: Mapping[str, Json] | None = None,
    revision: str | None = None,
) -> datetime:
    """Run an execution again from its failed states and return when.

    `inputs` replaces the inputs of failed states by name; `revision` is that of a newer definition.

    Raises:
        MachineServiceError: It cannot be redriven.
    """
    reason = redrive_obstacle(execution)
    if reason is not None:
        raise MachineServiceError("ExecutionNotRedrivable", reason)
    now = services.now()
    await services.commands.redrive(execution.arn, execution.redrives + 1, inputs or {}, revision)
    return now


def redrive_obstacle(execution: StoredExecution) -> str | None:
    """Return why an execution cannot be redriven by itself; None if it can."""
    if execution.status in (RUNNING, "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    if execution.map_run is not None:
        return "Execution is a child of a Map Run, which is redriven with its parent"
    return None


def _reason(text: str, error: InvalidValueError) -> str:
    """Describe why a text is no JSON, in the words of AWS where they are known."""
    word = _WORD.match(text)
    if word is not None:
        expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        return f"Unrecognized token '{word[1]}': was expecting {expected}"
    member = _FIELD.match(text)
    if member is not None:
        character = member[1]
        return (
            f"Unexpected character ('{character}' (code {ord(character)})): was expecting double-quote to start"
            " field name"
        )
    return str(error)
