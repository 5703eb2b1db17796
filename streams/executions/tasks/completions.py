"""Answer tasks whose job or stage has ended, from the events that also wake the stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id, random_seed, token_stage
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event, JobFinished
from headrace.streams.executions.inbox import DeliverStimulus
from headrace.streams.executions.records import RecordWriter
from headrace.streams.executions.tasks.job_task import STAGE, StartedTasks, job_result
from headrace.streams.executions.tasks.stage_task import StageTasks, result_of
from headrace.streams.machines.errors import TASK_FAILED
from headrace.streams.machines.execution.stimuli import TaskFailed, TaskSucceeded
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json
from headrace.streams.results import ResultsStore

ErrorAndCause = tuple[str, str]
_LETTERS = topics.dead_letters("").name


class Completions:
    """Finds the tasks that wait for a job, or for the result of a stage."""

    def __init__(self, tasks: StageTasks, jobs: StartedTasks, results: ResultsStore, writer: RecordWriter) -> None:
        self._tasks = tasks
        self._jobs = jobs
        self._results = results
        self._writer = writer

    async def route(
        self, received: ConsumerRecord, event: Event, envelope: EventMetadata
    ) -> tuple[ProducerRecord, ...] | None:
        """Return the answers of the tasks that wait for an event; None if there is no such task."""
        if received.topic == topics.JOBS_FINISHED.name:
            return await self._job(event, envelope) if isinstance(event, JobFinished) else None
        failure = _failure(received)
        stage = received.topic.removesuffix(_LETTERS) if failure else self._tasks.writer_of(received.topic)
        asset = await self._asset(event)
        if stage is None or asset is None:
            return None
        result = failure or result_of(event)
        answers = [
            await self._answer(waiter.execution, waiter.task, result, envelope)
            for waiter in await self._tasks.waiters(stage, asset)
        ]
        return tuple(answers) or None

    async def _job(self, finished: JobFinished, envelope: EventMetadata) -> tuple[ProducerRecord, ...] | None:
        if token_stage(finished.token) != STAGE:
            return None
        started = await self._jobs.get(finished.token)
        if started is None:
            return None
        description = job_result(finished)
        failed = (TASK_FAILED, compact({**description, "Message": finished.message}))
        result = failed if finished.status == "failed" else description
        return (await self._answer(started.execution, started.task, result, envelope),)

    async def _answer(
        self, execution: str, task: str, result: Json | ErrorAndCause, envelope: EventMetadata
    ) -> ProducerRecord:
        id_ = derived_id(envelope.id, "machine-completions", execution, task)
        now, seed = self._writer.clock(), random_seed(id_)
        if isinstance(result, tuple):
            answer: TaskSucceeded | TaskFailed = TaskFailed(now, seed, task, *result)
        else:
            answer = TaskSucceeded(now, seed, task, result)
        return await self._writer.inbox(execution, DeliverStimulus(answer), id_, envelope)

    async def _asset(self, event: Any) -> Asset | None:
        """Return the asset version of an event; for a dead letter with a job, that of its intent."""
        if not isinstance(event, JobFinished):
            return getattr(event, "asset", None)
        intent = await self._results.intent(event.token)
        asset: Asset | None = intent.record().asset if intent is not None else None
        return asset


def _failure(received: ConsumerRecord) -> ErrorAndCause | None:
    """Return error and cause of a dead letter; None for another record."""
    if not topics.is_dead_letters(received.topic):
        return None
    headers: Mapping[str, bytes | None] = dict(received.headers)
    code, why = ((headers.get(f"dlq-{name}") or b"").decode(errors="replace") for name in ("code", "message"))
    return f"Headrace.{code}", why
