"""The records that carry out the commands of a transition: tasks, children, and the answer to a parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import ActivityScheduled, Event, TaskScheduled
from headrace.streams.executions.arns import child_arn
from headrace.streams.executions.inbox import (
    DeliverStimulus,
    InboxMessage,
    ParentLink,
    ResolvedStart,
    StopForParent,
    StopNested,
)
from headrace.streams.executions.json_codec import encode_json
from headrace.streams.executions.nested import nested_answer
from headrace.streams.executions.open_execution import OpenExecution
from headrace.streams.executions.records import RecordWriter
from headrace.streams.machines.execution.commands import (
    CancelTask,
    Command,
    FinishExecution,
    ReadItems,
    StartChild,
    StopChild,
    SubmitTask,
    WriteResults,
)
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.snapshot import json_bytes
from headrace.streams.machines.execution.stimuli import ChildFinished, StartExecution, Stimulus

Outgoing = tuple[str, InboxMessage]


class CommandRecords:
    """The records of one transition. Their ids are derived from the execution, the transition and their order."""

    def __init__(self, current: OpenExecution, stimulus: Stimulus, cause: EventMetadata, writer: RecordWriter) -> None:
        self._execution, self._origin = current
        self._stimulus = stimulus
        self._cause = cause
        self._writer = writer
        self._number = 0

    async def of(self, commands: Sequence[Command]) -> list[ProducerRecord]:
        """Return the records of commands. Timers have none, and neither have most cancellations."""
        made = [await self._record(command) for command in commands]
        return [record for record in made if record is not None]

    async def _record(self, command: Command) -> ProducerRecord | None:
        self._number += 1
        if isinstance(command, SubmitTask | ReadItems | WriteResults):
            return self._writer.record(await self._task(command), self._id(), self._cause)
        if isinstance(command, CancelTask):
            return self._cancel(command.task)
        make = MESSAGES.get(type(command))
        message = make(self, command) if make is not None else None
        return await self._writer.inbox(*message, self._id(), self._cause) if message is not None else None

    async def _task(self, command: SubmitTask | ReadItems | WriteResults) -> Event:
        execution = self._execution.id
        if isinstance(command, SubmitTask) and parse_resource(command.resource).kind == "Activity":
            return ActivityScheduled(
                activity=command.resource,
                execution=execution,
                task=command.task,
                token=command.token or "",
                input=await self._writer.body(json_bytes(command.input)),
            )
        return TaskScheduled(
            execution=execution,
            task=command.task,
            state=command.state,
            kind=type(command).__name__,
            body=await self._writer.body(encode_json(command)),
        )

    def _cancel(self, task: str) -> ProducerRecord | None:
        """Return the record that stops the nested execution of a task.

        It follows the task on its topic, so that the nested execution has been started before it is stopped.
        """
        nested = self._origin.nested.get(task)
        if nested is None:
            return None
        stop = StopForParent(task, self._stimulus.now.timestamp(), self._seed(), self._execution.id)
        body = encode_json(StopNested(nested, stop)).decode()
        event = TaskScheduled(execution=self._execution.id, task=task, state="", kind=StopNested.__name__, body=body)
        return self._writer.record(event, self._id(), self._cause)

    def start_child(self, command: StartChild) -> Outgoing:
        """Return the start of a child execution, which runs the same definition."""
        execution = self._execution
        index = str(command.index)
        child = child_arn(execution.id, command.map_run_arn, index)
        start = StartExecution(
            self._stimulus.now,
            self._seed(),
            id=child,
            name=child.rpartition(":")[2],
            input=command.input,
            machine_id=execution.machine_id,
            machine_name=execution.machine_name,
            role_arn=execution.role_arn,
            flow=command.flow,
            map_run_arn=command.map_run_arn,
            limits=execution.limits,
        )
        parent = ParentLink(execution.id, command.child, "child")
        return child, ResolvedStart(
            start, self._origin.revision, parent=parent, generated_name=True, again=command.again
        )

    def stop_child(self, command: StopChild) -> Outgoing:
        """Return the message that stops a child execution."""
        index = command.child.rpartition(".")[2]
        child = child_arn(self._execution.id, command.map_run_arn, index)
        return child, StopForParent(command.child, self._stimulus.now.timestamp(), self._seed())

    def finish(self, command: FinishExecution) -> Outgoing | None:
        """Return the answer to the parent, if there is one."""
        parent, now = self._origin.parent, self._stimulus.now
        if parent is None:
            return None
        if parent.kind == "child":
            ended = command.status, command.output, command.error, command.cause
            return parent.execution, DeliverStimulus(ChildFinished(now, self._seed(), parent.reference, *ended))
        return parent.execution, DeliverStimulus(nested_answer(self._execution, parent, now, self._seed()))

    def _id(self) -> str:
        return derived_id(self._execution.id, "machine-commands", self._execution.sequence, self._number)

    def _seed(self) -> int:
        """Return a seed that depends on the stimulus, and on the order of the command."""
        return (self._stimulus.seed * 1_000_003 + self._number) % 2**63


# A table of methods by type; mypy cannot relate the type of a key to that of its method.
MESSAGES: Final[dict[type[Command], Callable[[CommandRecords, Any], Outgoing | None]]] = {
    StartChild: CommandRecords.start_child,
    StopChild: CommandRecords.stop_child,
    FinishExecution: CommandRecords.finish,
}
