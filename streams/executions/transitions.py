"""Write transitions: history and commands, then the snapshot. Records that wait for one execution share a snapshot.

The order makes a crash harmless. History and commands are durable before the snapshot, and the snapshot before the
offset. A stimulus that is delivered again meets the old snapshot and makes the same transition with the same ids, or
the new one, which does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.messages import ConsumerRecord, ProducerRecord, SendError
from headrace.schemas.records import StimulusReceived
from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.executions.archive import ExecutionArchive
from headrace.streams.executions.command_records import CommandRecords
from headrace.streams.executions.definitions import DefinitionTable, UnknownMachineError
from headrace.streams.executions.history import history_records
from headrace.streams.executions.inbox import (
    DeliverStimulus,
    InboxMessage,
)
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.nested import nested_executions
from headrace.streams.executions.open_execution import (
    ExecutionOrigin,
    OpenExecution,
    encode_open,
    open_record,
    tombstone,
)
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter, SendRecords
from headrace.streams.executions.task_tokens import current_nested, current_tokens
from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.execution.advance import ExecutionTransition, advance
from headrace.streams.machines.execution.commands import SetTimer
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.stimuli import (
    Stimulus,
)

MOST_TOGETHER = 200
"""Records of one execution that share a snapshot."""

Routed = tuple[ProducerRecord, ...] | None
Upcoming = Callable[[ConsumerRecord, int], list[ConsumerRecord]]


@dataclass(frozen=True, slots=True)
class ExecutionPorts:
    """What the router needs. `send` returns once all records are durable."""

    definitions: DefinitionTable
    payloads: PayloadStore
    archive: ExecutionArchive
    writer: RecordWriter
    send: SendRecords


@dataclass(frozen=True, slots=True)
class ExecutionChange:
    """A stimulus for an execution; `before` is None if the stimulus starts it."""

    executions: PartitionExecutions
    before: Execution | None
    origin: ExecutionOrigin
    stimulus: Stimulus
    cause: EventMetadata


class _Step(NamedTuple):
    """The execution after a transition, and what the transition writes."""

    current: OpenExecution
    output: list[ProducerRecord]
    timers: list[SetTimer]


class TransitionWriter:
    """Makes transitions of executions, and returns once they are durable."""

    def __init__(self, ports: ExecutionPorts) -> None:
        self._ports = ports
        self.upcoming: Upcoming = lambda *_: []
        """Returns the records that wait behind a record of the same execution."""

    async def apply(self, change: ExecutionChange, received: ConsumerRecord) -> Routed:
        """Make a transition, and those of the records that wait behind it; None if it changes nothing.

        Raises:
            StageError: Kafka or the results bucket is unavailable, or the definition is unknown.
        """
        step = await self._step(change)
        if step is None:
            return None
        output, timers = [*step.output], [*step.timers]
        applied: list[tuple[str, int]] = []
        for record in self.upcoming(received, MOST_TOGETHER):
            following = await self._following(record, change, step.current)
            if following is None:
                break
            step = following
            output += step.output
            timers += step.timers
            applied.append(place_of(record))
        await self.send(output)
        await self._keep(change.executions, step.current, timers)
        change.executions.applied.update(applied)
        return ()

    async def _step(self, change: ExecutionChange) -> _Step | None:
        """Return a transition with its records; None if the stimulus changes nothing."""
        transition = advance(self._machine(change.origin.revision), change.before, change.stimulus)
        if transition.execution is change.before:
            return None
        execution, commands = transition.execution, transition.commands
        tokens = current_tokens(execution, change.origin.tokens, commands)
        started = nested_executions(self._ports.definitions, execution.id, commands)
        origin = replace(change.origin, tokens=tokens, nested={**change.origin.nested, **started})
        output = await self._output(OpenExecution(execution, origin), change, transition)
        timers = [command for command in commands if isinstance(command, SetTimer)]
        origin = replace(origin, nested=current_nested(execution, origin.nested))
        return _Step(OpenExecution(execution, origin), output, timers)

    async def _following(self, record: ConsumerRecord, first: ExecutionChange, current: OpenExecution) -> _Step | None:
        """Return the transition of a waiting record; None if it must be processed alone, whatever the reason."""
        if current.execution.status != "RUNNING":
            return None
        try:
            event, envelope = self._ports.writer.decode(record)
            message = await message_of(event, self._ports.payloads) if isinstance(event, StimulusReceived) else None
            if not isinstance(message, DeliverStimulus):
                return None
            change = ExecutionChange(first.executions, current.execution, current.origin, message.stimulus, envelope)
            return await self._step(change)
        except Exception:  # the record is processed again, alone, and has this outcome
            return None

    async def _keep(self, executions: PartitionExecutions, current: OpenExecution, timers: Sequence[SetTimer]) -> None:
        """Write the snapshot, or the end of the execution, and then change the memory."""
        execution = current.execution
        snapshot = await encode_open(current, self._ports.payloads)
        if execution.status == "RUNNING":
            await self.send([open_record(execution, snapshot)])
            executions.put(execution.id, snapshot, current)
            for timer in timers:
                executions.timers.add(timer.due.timestamp(), execution.id, timer.timer)
            return
        if _is_archived(current):
            await self._ports.archive.put(execution.id, snapshot)
        await self.send([tombstone(execution)])
        executions.remove(execution.id)

    async def _output(
        self, current: OpenExecution, change: ExecutionChange, transition: ExecutionTransition
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

    async def send(self, records: Sequence[ProducerRecord]) -> None:
        """Send records.

        Raises:
            StageError: Kafka is unavailable, or a record is too large.
        """
        try:
            await self._ports.send(records)
        except SendError as error:
            if error.final:
                raise PermanentError("record_too_large", str(error)) from error
            raise OutageError(str(error)) from error


async def message_of(event: StimulusReceived, payloads: PayloadStore) -> InboxMessage:
    """Return the message of a record.

    Raises:
        PermanentError: The body is not a message.
    """
    content = await payloads.expand(event.body)
    try:
        message: InboxMessage = decode_json(content, InboxMessage)
    except msgspec.DecodeError as error:
        raise PermanentError("invalid_stimulus", str(error)) from error
    return message


def _is_archived(ended: OpenExecution) -> bool:
    """Return whether an ended execution can be redriven, or its name must not be used again."""
    execution, origin = ended
    return execution.status != "SUCCEEDED" or not origin.generated_name or execution.redrive_count > 0


def place_of(record: ConsumerRecord) -> tuple[str, int]:
    """Return the topic and the offset of a record."""
    return record.topic, record.offset
