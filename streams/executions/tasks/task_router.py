"""Run scheduled tasks, and answer tasks whose job or stage has ended.

A task runs apart from the transition that scheduled it, so a slow one blocks no execution. The answer of a service is
stored before it is sent: a redelivered task is answered from the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id, random_seed
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event, TaskScheduled
from headrace.streams.errors import PermanentError
from headrace.streams.executions.definitions import DefinitionTable
from headrace.streams.executions.inbox import DeliverStimulus, StopNested
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.nested import SERVICE as NESTED
from headrace.streams.executions.records import RecordWriter
from headrace.streams.executions.tasks import nested_task, stage_task
from headrace.streams.executions.tasks.answers import AnswerStore, TaskAnswer
from headrace.streams.executions.tasks.completions import Completions
from headrace.streams.executions.tasks.dataset_task import DatasetTasks
from headrace.streams.executions.tasks.job_task import (
    StartedTask,
    StartedTasks,
    job_task_token,
    with_token,
)
from headrace.streams.executions.tasks.ports import ScheduledWork, TaskError
from headrace.streams.executions.tasks.service_task import SDK, ServiceTasks
from headrace.streams.executions.tasks.stage_task import StageTasks
from headrace.streams.machines.execution.commands import ReadItems, SubmitTask, WriteResults
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.stimuli import TaskFailed, TaskSubmitted, TaskSucceeded
from headrace.streams.machines.json_types import Json

TaskCommand: TypeAlias = SubmitTask | ReadItems | WriteResults
Routed: TypeAlias = tuple[ProducerRecord, ...] | None


@dataclass(frozen=True, slots=True)
class TaskKinds:
    """What runs each kind of task."""

    definitions: DefinitionTable
    services: ServiceTasks
    datasets: DatasetTasks
    stages: StageTasks
    jobs: StartedTasks


class TaskRouter:
    """Runs the records of `machines.tasks`, and reads the completions of jobs and stages."""

    def __init__(self, kinds: TaskKinds, answers: AnswerStore, completions: Completions, writer: RecordWriter) -> None:
        self._kinds = kinds
        self._answers = answers
        self._completions = completions
        self._writer = writer

    async def route(self, received: ConsumerRecord, event: Event, envelope: EventMetadata) -> Routed:
        """Run a task and return its answer; None for a completion that no task waits for.

        Raises:
            StageError: The record is invalid, or a service throttles or is unavailable.
        """
        if not isinstance(event, TaskScheduled):
            return await self._completions.route(received, event, envelope)
        if event.kind == StopNested.__name__:
            return (await self._stop_nested(event, envelope),)
        command = await self._answers.command(event)
        id_ = derived_id(event.execution, "machine-answers", event.task)
        token = job_task_token(event.execution, event.task)
        now, seed = self._writer.clock(), random_seed(id_)
        work = ScheduledWork(event.execution, event.task, token, now, seed, envelope)
        try:
            records, answer = await self._run(command, work)
        except TaskError as error:
            records, answer = (), TaskFailed(now, seed, event.task, error.error, error.cause)
            await self._answers.put(work, answer)
        if answer is None:
            return records
        return (*records, await self._writer.inbox(event.execution, DeliverStimulus(answer), id_, envelope))

    async def _stop_nested(self, event: TaskScheduled, envelope: EventMetadata) -> ProducerRecord:
        try:
            stop: StopNested = decode_json(event.body.encode(), StopNested)
        except msgspec.DecodeError as error:
            raise PermanentError("invalid_task", str(error)) from error
        id_ = derived_id(event.execution, "machine-stops", event.task)
        return await self._writer.inbox(stop.execution, stop.message, id_, envelope)

    async def _run(
        self, command: TaskCommand, work: ScheduledWork
    ) -> tuple[tuple[ProducerRecord, ...], TaskAnswer | None]:
        """Return the records that run a task elsewhere, and the answer."""
        resource = parse_resource(command.resource)
        if isinstance(command, SubmitTask) and resource.service.startswith(stage_task.SERVICE):
            return await self._run_stage(resource.api, command.input, work)
        if isinstance(command, SubmitTask) and resource.service == NESTED:
            start, result = nested_task.nested_start(self._kinds.definitions, resource, command.input, work)
            id_ = derived_id(work.execution, "machine-nested", work.task)
            record = await self._writer.inbox(start.stimulus.id, start, id_, work.cause)
            return (record,), self._result(work, result, submitted=bool(resource.pattern))
        stored = await self._answers.get(work)
        if stored is not None:
            return (), stored
        if isinstance(command, ReadItems):
            answer = self._result(work, await self._kinds.datasets.read(command, work.token))
        elif isinstance(command, WriteResults):
            answer = self._result(work, await self._kinds.datasets.write(command))
        else:
            value = await self._with_job(command, work)
            result = await self._kinds.services.run(resource, value, work)
            answer = self._result(work, result, submitted=bool(resource.pattern))
        await self._answers.put(work, answer)
        return (), answer

    async def _run_stage(
        self, name: str, value: Json, work: ScheduledWork
    ) -> tuple[tuple[ProducerRecord, ...], TaskAnswer]:
        result = await self._kinds.stages.run(name.partition(".")[0], value, work)
        if isinstance(result, ProducerRecord):
            return (result,), self._result(work, {}, submitted=True)
        return (), self._result(work, result)

    async def _with_job(self, command: SubmitTask, work: ScheduledWork) -> Json:
        """Return the parameters of a task; those of a job have its token, which is noted first."""
        resource = parse_resource(command.resource)
        if resource.pattern != "sync":
            return command.input
        value = with_token(resource.service.removeprefix(SDK), command.input, work.token)
        await self._kinds.jobs.put(work.token, StartedTask(work.execution, work.task))
        return value

    def _result(self, work: ScheduledWork, output: Json, *, submitted: bool = False) -> TaskAnswer:
        kind = TaskSubmitted if submitted else TaskSucceeded
        return kind(work.now, work.seed, work.task, output)
