"""Apply the records of the inbox: find the execution of each, and what the record changes."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event, StimulusReceived
from headrace.streams.errors import TransientError
from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.definitions import UnknownMachineError
from headrace.streams.executions.inbox import (
    AnswerByToken,
    DeliverStimulus,
    InboxMessage,
    RedriveRequest,
    ResolvedStart,
    StartByName,
    StopForParent,
)
from headrace.streams.executions.open_execution import (
    ExecutionOrigin,
)
from headrace.streams.executions.owned_partitions import OwnedPartitions
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.transitions import (
    ExecutionChange,
    ExecutionPorts,
    Routed,
    TransitionWriter,
    message_of,
    place_of,
)
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    RedriveExecution,
    StartExecution,
    Stimulus,
    StopExecution,
)


class ExecutionRouter:
    """Applies the records of the inbox to executions."""

    def __init__(self, ports: ExecutionPorts, owned: OwnedPartitions) -> None:
        self._ports = ports
        self._owned = owned
        self.transitions = TransitionWriter(ports)

    async def route(self, received: ConsumerRecord, event: Event, envelope: EventMetadata) -> Routed:
        """Apply a record and return what is left to send; None if it changes nothing.

        Raises:
            StageError: The record is invalid, or Kafka or the results bucket is unavailable.
        """
        if not isinstance(event, StimulusReceived):
            return None
        executions = await self._owned.get(received.partition)
        if place_of(received) in executions.applied:
            executions.applied.discard(place_of(received))
            return ()
        message = await message_of(event, self._ports.payloads)
        if isinstance(message, StartByName):
            return (await self._resolve(message, envelope),)
        change = await self._change(executions, event.execution, message, envelope)
        return None if change is None else await self.transitions.apply(change, received)

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
    ) -> ExecutionChange | None:
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
            if message.parent and parent.execution != message.parent:
                return None
            now = datetime.fromtimestamp(message.now, UTC)
            stimulus = StopExecution(now, message.seed, current.execution.redrive_count)
        else:
            return None
        return ExecutionChange(executions, current.execution, current.origin, stimulus, cause)

    async def _start(
        self, executions: PartitionExecutions, message: ResolvedStart, cause: EventMetadata
    ) -> ExecutionChange | None:
        origin = ExecutionOrigin(
            message.revision, message.version, message.alias, message.parent, message.generated_name
        )
        start = ExecutionChange(executions, None, origin, message.stimulus, cause)
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
        return ExecutionChange(executions, ended.execution, origin, stimulus, cause)

    async def _send_outcome(self, ended: Execution, message: ResolvedStart, cause: EventMetadata) -> None:
        """Answer the parent of a child that succeeded while its Map Run failed."""
        if message.parent is None:
            return
        start = message.stimulus
        finished = ChildFinished(start.now, start.seed, message.parent.reference, ended.status, ended.output)
        id_ = derived_id(cause.id, "machine-commands", 1)
        record = await self._ports.writer.inbox(message.parent.execution, DeliverStimulus(finished), id_, cause)
        await self.transitions.send([record])

    async def _redrive(
        self, executions: PartitionExecutions, execution: str, message: RedriveRequest, cause: EventMetadata
    ) -> ExecutionChange | None:
        ended = await self._ports.archive.get(execution)
        if ended is None:
            return None
        origin = replace(ended.origin, revision=message.revision or ended.origin.revision)
        return ExecutionChange(executions, ended.execution, origin, message.stimulus, cause)
