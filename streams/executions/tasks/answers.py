"""Scheduled tasks as commands, and the stored answers of those that ran."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

import msgspec

from headrace.schemas.records import TaskScheduled
from headrace.streams.errors import PermanentError
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.tasks.ports import ScheduledWork
from headrace.streams.machines.execution.commands import ReadItems, SubmitTask, WriteResults
from headrace.streams.machines.execution.stimuli import TaskFailed, TaskSubmitted, TaskSucceeded
from headrace.streams.results import ResultsBucket

TaskAnswer: TypeAlias = TaskSubmitted | TaskSucceeded | TaskFailed


class AnswerStore:
    """Reads the commands of tasks, and keeps the answers of services by task."""

    def __init__(self, bucket: ResultsBucket, payloads: PayloadStore) -> None:
        self._bucket = bucket
        self._payloads = payloads

    async def command(self, event: TaskScheduled) -> SubmitTask | ReadItems | WriteResults:
        """Return the command of a task.

        Raises:
            PermanentError: The record has no command.
        """
        content = await self._payloads.expand(event.body)
        try:
            command: SubmitTask | ReadItems | WriteResults = decode_json(content, SubmitTask | ReadItems | WriteResults)
        except msgspec.DecodeError as error:
            raise PermanentError("invalid_task", str(error)) from error
        return command

    async def get(self, work: ScheduledWork) -> TaskAnswer | None:
        """Return the answer of a task that ran before."""
        content = await self._bucket.get(_key(work))
        answer: TaskAnswer | None = None if content is None else decode_json(content, TaskAnswer)
        return answer

    async def put(self, work: ScheduledWork, answer: TaskAnswer) -> None:
        """Store the answer of a task."""
        await self._bucket.put(_key(work), encode_json(answer), "application/json")


def _key(work: ScheduledWork) -> str:
    digest = sha256(f"{work.execution}#{work.task}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"_machines/answers/{digest[:2]}/{digest}.json"
