"""Deploy state machines, and start, stop, redrive and answer executions. Every method returns once Kafka has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import randbits
from uuid import uuid4

from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.definitions import (
    DefinitionRecord,
    MachineRecord,
    ResolvedMachine,
    definition_record,
    removal_record,
    revision_record,
)
from headrace.streams.executions.inbox import (
    AnswerByToken,
    DeliverStimulus,
    InboxMessage,
    RedriveRequest,
    ResolvedStart,
    TokenStimulus,
)
from headrace.streams.executions.records import RecordWriter, SendRecords
from headrace.streams.executions.tokens import decode_token, token_digest
from headrace.streams.machines.execution.record import NO_LIMITS, ExecutionLimits, MapRunLimits
from headrace.streams.machines.execution.stimuli import (
    Heartbeat,
    RedriveExecution,
    StartExecution,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    UpdateMapRun,
)
from headrace.streams.machines.json_types import Json


class MachineClient:
    """Writes to the topics of state machines. `send` returns once all records are durable."""

    def __init__(self, send: SendRecords, writer: RecordWriter) -> None:
        self._send = send
        self._writer = writer

    async def deploy(self, machine: MachineRecord, definition: bytes) -> None:
        """Create or update a machine. The definition is durable before the machine names it."""
        await self._send([revision_record(definition)])
        await self.put(machine)

    async def put(self, content: DefinitionRecord) -> None:
        """Write a machine, a version or an alias."""
        await self._send([definition_record(content)])

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove machines, versions and aliases by their keys on the topic."""
        await self._send([removal_record(key) for key in keys])

    async def start(
        self,
        resolved: ResolvedMachine,
        name: str,
        value: Json,
        *,
        generated_name: bool = False,
        limits: ExecutionLimits = NO_LIMITS,
    ) -> str:
        """Start an execution and return its ARN. The engine ignores a second start of a name."""
        machine = resolved.machine
        execution = execution_arn(machine.arn, name)
        stimulus = StartExecution(
            self._now(),
            randbits(63),
            id=execution,
            name=name,
            input=value,
            machine_id=machine.arn,
            machine_name=machine.name,
            role_arn=machine.role_arn,
            limits=limits,
        )
        start = ResolvedStart(
            stimulus, resolved.revision, resolved.version, resolved.alias, generated_name=generated_name
        )
        await self._deliver(execution, start)
        return execution

    async def stop(self, execution: str, redrives: int, error: str | None = None, cause: str | None = None) -> None:
        """Stop an execution that has been redriven `redrives` times."""
        await self._deliver(
            execution, DeliverStimulus(StopExecution(self._now(), randbits(63), redrives, error, cause))
        )

    async def redrive(
        self, execution: str, number: int, inputs: Mapping[str, Json] | None = None, revision: str | None = None
    ) -> None:
        """Run an unsuccessful execution again; `number` is one more than its redrives.

        `inputs` replaces the input of failed states by name, `revision` the definition.
        """
        stimulus = RedriveExecution(self._now(), randbits(63), number, dict(inputs or {}))
        await self._deliver(execution, RedriveRequest(stimulus, revision))

    async def task_success(self, token: str, output: Json) -> None:
        """Complete the task of a token.

        Raises:
            InvalidTaskTokenError: The text is not a task token.
        """
        await self._answer(token, TaskSucceeded(self._now(), randbits(63), decode_token(token).task, output))

    async def task_failure(self, token: str, error: str | None = None, cause: str | None = None) -> None:
        """Let the task of a token fail.

        Raises:
            InvalidTaskTokenError: The text is not a task token.
        """
        await self._answer(token, TaskFailed(self._now(), randbits(63), decode_token(token).task, error, cause))

    async def task_heartbeat(self, token: str) -> None:
        """Report that the task of a token is still running.

        Raises:
            InvalidTaskTokenError: The text is not a task token.
        """
        await self._answer(token, Heartbeat(self._now(), randbits(63), decode_token(token).task))

    async def task_started(self, execution: str, task: str) -> None:
        """Record that a worker of an activity has taken a task."""
        await self._deliver(execution, DeliverStimulus(TaskStarted(self._now(), randbits(63), task)))

    async def update_map_run(self, execution: str, run: str, limits: MapRunLimits) -> None:
        """Change the limits of a run of an execution; `run` is its ARN."""
        await self._deliver(execution, DeliverStimulus(UpdateMapRun(self._now(), randbits(63), run, limits)))

    async def _answer(self, token: str, stimulus: TokenStimulus) -> None:
        await self._deliver(decode_token(token).execution, AnswerByToken(token_digest(token), stimulus))

    async def _deliver(self, execution: str, message: InboxMessage) -> None:
        await self._send([await self._writer.inbox(execution, message, str(uuid4()), None)])

    def _now(self) -> datetime:
        return self._writer.clock()
