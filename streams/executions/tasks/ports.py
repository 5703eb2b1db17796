"""What tasks need from their surroundings, and how they fail."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from headrace.schemas.cloudevents import EventMetadata
from headrace.streams.machines.json_types import Json


class TaskError(Exception):
    """A task fails; its state machine handles the error."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ScheduledWork(NamedTuple):
    """A task to run. `token` is derived from it: a repeated call has the same one."""

    execution: str
    task: str
    token: str
    now: datetime
    seed: int
    cause: EventMetadata


class ServiceCalls(Protocol):
    """Calls AWS services by their models."""

    async def call(self, service: str, action: str, parameters: Json, token: str) -> Json:
        """Call an action, named as in the ARN of a task, and return the response.

        Raises:
            TaskError: The service rejects the call.
            StageError: The service throttles or is unavailable.
        """
        ...

    async def get_object(self, bucket: str, key: str) -> bytes:
        """Return the content of an object in S3.

        Raises:
            TaskError: S3 rejects the call.
            StageError: S3 throttles or is unavailable.
        """
        ...

    async def put_object(self, bucket: str, key: str, content: bytes) -> None:
        """Store an object in S3.

        Raises:
            TaskError: S3 rejects the call.
            StageError: S3 throttles or is unavailable.
        """
        ...
