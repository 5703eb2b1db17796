"""Tasks with `.sync` that start a job of an AWS service. The completion event of the job answers them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from headrace.schemas.records import JobFinished
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.executions.tasks.ports import TaskError
from headrace.streams.machines.json_types import Json
from headrace.streams.results import ResultsBucket

STAGE = "machine-tasks"
"""The name in the tokens of jobs, by which completion events are recognised."""


class StartedTask(Struct, frozen=True):
    """The task that a job was started for."""

    execution: str
    task: str


def job_task_token(execution: str, task: str) -> str:
    """Return the token of a job: the same on every attempt, and valid in every service."""
    digest = hashlib.sha256(f"{execution}#{task}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{STAGE}-{digest[:40]}"


def _name(parameters: dict[str, Json], token: str) -> dict[str, Json]:
    return {**parameters, "TranscriptionJobName": token}


def _tag(parameters: dict[str, Json], token: str) -> dict[str, Json]:
    return {**parameters, "ClientRequestToken": token, "JobTag": token}


def _metadata(parameters: dict[str, Json], token: str) -> dict[str, Json]:
    metadata = {**parameters.get("UserMetadata", {}), "headrace-token": token}
    return {**parameters, "ClientRequestToken": token, "UserMetadata": metadata}


TOKENS: Final[Mapping[str, Callable[[dict[str, Json], str], dict[str, Json]]]] = {
    "transcribe": _name,
    "rekognition": _tag,
    "textract": _tag,
    "mediaconvert": _metadata,
}
"""How the token of a job is passed to each service whose completion events carry it."""


def with_token(service: str, value: Json, token: str) -> Json:
    """Return the parameters of a job with its token.

    Raises:
        TaskError: The service sends no completion events.
    """
    add = TOKENS.get(service)
    if add is None or not isinstance(value, dict):
        raise TaskError("States.Runtime", f"{service} does not support .sync; there are {', '.join(sorted(TOKENS))}.")
    return add(value, token)


class StartedTasks:
    """Which task each job was started for, in the results bucket."""

    def __init__(self, bucket: ResultsBucket) -> None:
        self._bucket = bucket

    async def put(self, token: str, started: StartedTask) -> None:
        """Note a job before its start: its completion has only the token."""
        await self._bucket.put(_key(token), encode_json(started), "application/json")

    async def get(self, token: str) -> StartedTask | None:
        """Return the task of a job; None if it was started for no task."""
        content = await self._bucket.get(_key(token))
        started: StartedTask | None = None if content is None else decode_json(content, StartedTask)
        return started


def job_result(finished: JobFinished) -> dict[str, Json]:
    """Return the result of a task whose job has ended."""
    status = "COMPLETED" if finished.status == "succeeded" else "FAILED"
    return {"JobId": finished.job_id, "Operation": finished.operation, "Service": finished.service, "Status": status}


def _key(token: str) -> str:
    return f"_machines/jobs/{token}.json"
