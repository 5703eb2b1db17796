"""What a transition asks the engine to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from headrace.streams.machines.json_types import Json


class SubmitTask(Struct, frozen=True, tag=True):
    """Run a task. `heartbeat` is in seconds; `token` is set if the task or activity is answered by its token."""

    task: str
    state: str
    resource: str
    input: Json
    timeout: float | None = None
    heartbeat: float | None = None
    credentials: Json = None
    token: str | None = None


class CancelTask(Struct, frozen=True, tag=True):
    """Nothing waits for a task any more."""

    task: str


class SetTimer(Struct, frozen=True, tag=True):
    """Send `TimerFired` at a time. A timer with the same id replaces the earlier one."""

    timer: str
    due: datetime


class StartChild(Struct, frozen=True, tag=True):
    """Start a child execution of a distributed Map with the flow `flow`. `again` redrives the child that failed."""

    child: str
    index: int
    flow: int
    input: Json
    map_run_arn: str
    execution_type: str
    label: str | None = None
    again: bool = False


class StopChild(Struct, frozen=True, tag=True):
    """Stop a child execution of a distributed Map."""

    child: str
    map_run_arn: str


class ReadItems(Struct, frozen=True, tag=True):
    """Read the items of a distributed Map and answer with `TaskSucceeded` (a list, or an object) or `TaskFailed`."""

    task: str
    state: str
    resource: str
    parameters: Json
    config: Mapping[str, Json]
    max_items: int | None


class WriteResults(Struct, frozen=True, tag=True):
    """Write the results of a distributed Map, and answer with `TaskSucceeded` (where they are) or `TaskFailed`."""

    task: str
    state: str
    resource: str
    parameters: Json
    config: Mapping[str, Json]
    map_run_arn: str
    results: Json


class FinishExecution(Struct, frozen=True, tag=True):
    """The execution ends."""

    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None


Command: TypeAlias = (
    SubmitTask | CancelTask | SetTimer | StartChild | StopChild | ReadItems | WriteResults | FinishExecution
)
