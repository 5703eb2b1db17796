"""Advance executions: one record of the inbox in; history, commands and a snapshot out.

The order makes a crash harmless. History and commands are durable before the snapshot, and the snapshot before the
offset. A stimulus that is delivered again meets the old snapshot and makes the same transition with the same ids, or
the new one, which does not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord, SendError
from headrace.schemas.records import Event, StimulusReceived
from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.executions.archive import ExecutionArchive
from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.command_records import CommandRecords
from headrace.streams.executions.definitions import DefinitionTable, UnknownMachineError
from headrace.streams.executions.history import history_records
from headrace.streams.executions.inbox import (
    AnswerByToken,
    DeliverStimulus,
    InboxMessage,
    RedriveRequest,
    ResolvedStart,
    StartByName,
    StopForParent,
)
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.open_execution import (
    ExecutionOrigin,
    OpenExecution,
    encode_open,
    state_record,
    tombstone,
)
from headrace.streams.executions.owned_partitions import OwnedPartitions
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter, SendRecords
from headrace.streams.executions.task_tokens import current_tokens
from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.execution.advance import ExecutionTransition, advance
from headrace.streams.machines.execution.commands import SetTimer
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    RedriveExecution,
    StartExecution,
    Stimulus,
    StopExecution,
)

Routed = tuple[ProducerRecord, ...] | None


@dataclass(frozen=True, slots=True)
class ExecutionPorts:
    """What the router needs. `send` returns once all records are durable."""

    definitions: DefinitionTable
    payloads: PayloadStore
    archive: ExecutionArchive
    writer: RecordWriter
    send: SendRecords


@dataclass(frozen=True, slots=True)
class _Change:
    """A stimulus for an execution; `before` is None if the stimulus starts it."""

    executions: PartitionExecutions
    before: Execution | None
    origin: ExecutionOrigin
    stimulus: Stimulus
    cause: EventMetadata


class ExecutionRouter:
    """Applies the records of the inbox to executions."""

    def __init__(self, ports: ExecutionPorts, owned: OwnedPartitions) -> None:
        self._ports = ports
        self._owned = owned

    async def route(self, received: ConsumerRecord, event: Event, envelope: EventMetadata) -> Routed:
        """Apply a record and return what is left to send; None if it changes nothing.

        Raises:
            StageError: The record is invalid, or Kafka or the results bucket is unavailable.
        """
        if not isinstance(event, StimulusReceived):
            return None
        executions = await self._owned.get(received.partition)
        content = await self._ports.payloads.expand(event.body)
        try:
            message: InboxMessage = decode_json(content, InboxMessage)
        except msgspec.DecodeError as error:
            raise PermanentError("invalid_stimulus", str(error)) from error
        if isinstance(message, StartByName):
            return (await self._resolve(message, envelope),)
        change = await self._change(executions, event.execution, message, envelope)
        return None if change is None else await self._apply(change)

    async def _resolve(self, start: StartByName, cause: EventMetadata) -> ProducerRecord:
        """Return the start of what a name means now. The execution ignores it if it was started before."""
        try:
            resolved = self._ports.definitions.resolve(start.machine, (start.seed % 1_000) / 1_000)
        except UnknownMachineError as error:
            raise TransientError(str(error), "unknown_machine") from error
        machine = resolved.machine
        execution = execution_arn(machine.arn, start.name)
        stimulus = StartExecution(
            datetime.fromtimestamp(start.now, UTC),
            start.seed,
            id=execution,
            name=start.name,
            input=start.input,
            machine_id=machine.arn,
            machine_name=machine.name,
            role_arn=machine.role_arn,
        )
        message = ResolvedStart(stimulus, resolved.revision, resolved.version, resolved.alias)
        return await self._ports.writer.inbox(execution, message, derived_id(cause.id, "machine-start", 1), cause)

    async def _change(
        self, executions: PartitionExecutions, execution: str, message: InboxMessage, cause: EventMetadata
    ) -> _Change | None:
        """Return the change that a message leads to; None if it is late, or not for the execution as it is."""
        current = await executions.get(execution)
        if isinstance(message, ResolvedStart):
            return None if current is not None else await self._start(executions, message, cause)
        if isinstance(message, RedriveRequest):
            return None if current is not None else await self._redrive(executions, execution, message, cause)
        if current is None:
            return None
        stimulus: Stimulus
        if isinstance(message, DeliverStimulus):
            stimulus = message.stimulus
        elif isinstance(message, AnswerByToken):
            if current.origin.tokens.get(message.stimulus.task) != message.token_sha256:
                return None
            stimulus = message.stimulus
        elif isinstance(message, StopForParent):
            parent = current.origin.parent
            if parent is None or parent.reference != message.reference:
                return None
            now = datetime.fromtimestamp(message.now, UTC)
            stimulus = StopExecution(now, message.seed, current.execution.redrive_count)
        else:
            return None
        return _Change(executions, current.execution, current.origin, stimulus, cause)

    async def _start(
        self, executions: PartitionExecutions, message: ResolvedStart, cause: EventMetadata
    ) -> _Change | None:
        origin = ExecutionOrigin(
            message.revision, message.version, message.alias, message.parent, message.generated_name
        )
        start = _Change(executions, None, origin, message.stimulus, cause)
        if message.generated_name and not message.again:
            return start
        ended = await self._ports.archive.get(message.stimulus.id)
        if ended is None:
            return start
        if not message.again:
            return None
        if ended.execution.status == "SUCCEEDED":
            await self._send_outcome(ended.execution, message, cause)
            return None
        number = ended.execution.redrive_count + 1
        stimulus = RedriveExecution(message.stimulus.now, message.stimulus.seed, number)
        origin = replace(ended.origin, revision=message.revision, parent=message.parent)
        return _Change(executions, ended.execution, origin, stimulus, cause)

    async def _send_outcome(self, ended: Execution, message: ResolvedStart, cause: EventMetadata) -> None:
        """Answer the parent of a child that succeeded while its Map Run failed."""
        if message.parent is None:
            return
        start = message.stimulus
        finished = ChildFinished(start.now, start.seed, message.parent.reference, ended.status, ended.output)
        id_ = derived_id(cause.id, "machine-commands", 1)
        record = await self._ports.writer.inbox(message.parent.execution, DeliverStimulus(finished), id_, cause)
        await self._send([record])

    async def _redrive(
        self, executions: PartitionExecutions, execution: str, message: RedriveRequest, cause: EventMetadata
    ) -> _Change | None:
        ended = await self._ports.archive.get(execution)
        if ended is None:
            return None
        origin = replace(ended.origin, revision=message.revision or ended.origin.revision)
        return _Change(executions, ended.execution, origin, message.stimulus, cause)

    async def _apply(self, change: _Change) -> Routed:
        """Make a transition, and return once it is durable."""
        transition = advance(self._machine(change.origin.revision), change.before, change.stimulus)
        if transition.execution is change.before:
            return None
        execution = transition.execution
        tokens = current_tokens(execution, change.origin.tokens, transition.commands)
        current = OpenExecution(execution, replace(change.origin, tokens=tokens))
        await self._send(await self._output(current, change, transition))
        snapshot = await encode_open(current, self._ports.payloads)
        if execution.status == "RUNNING":
            await self._send([state_record(execution, snapshot)])
            change.executions.put(execution.id, snapshot, current)
            for command in transition.commands:
                if isinstance(command, SetTimer):
                    change.executions.timers.add(command.due.timestamp(), execution.id, command.timer)
            return ()
        if _is_archived(current):
            await self._ports.archive.put(execution.id, snapshot)
        await self._send([tombstone(execution.id)])
        change.executions.remove(execution.id)
        return ()

    async def _output(
        self, current: OpenExecution, change: _Change, transition: ExecutionTransition
    ) -> list[ProducerRecord]:
        ports = self._ports
        commands = CommandRecords(current, change.stimulus, change.cause, ports.writer)
        history = await history_records(current, transition, change.cause, ports.writer, ports.payloads)
        return [*history, *await commands.of(transition.commands)]

    def _machine(self, revision: str) -> Machine:
        try:
            return self._ports.definitions.compiled(revision)
        except UnknownMachineError as error:  # its record may arrive in a moment
            raise TransientError(str(error), "unknown_definition") from error
        except DefinitionError as error:
            raise PermanentError("invalid_definition", str(error)) from error

    async def _send(self, records: Sequence[ProducerRecord]) -> None:
        try:
            await self._ports.send(records)
        except SendError as error:
            if error.final:
                raise PermanentError("record_too_large", str(error)) from error
            raise OutageError(str(error)) from error


def _is_archived(ended: OpenExecution) -> bool:
    """Return whether an ended execution can be redriven, or its name must not be used again."""
    execution, origin = ended
    return execution.status != "SUCCEEDED" or not origin.generated_name or execution.redrive_count > 0
