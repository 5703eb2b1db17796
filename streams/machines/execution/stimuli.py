"""What happens to an execution. `now` has a time zone; `seed` makes random numbers and UUIDs repeatable."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from headrace.streams.machines.execution.record import NO_LIMITS, ExecutionLimits, MapRunLimits
from headrace.streams.machines.json_types import Json


class _Stimulus(Struct, frozen=True, tag=True):
    now: datetime
    seed: int


class StartExecution(_Stimulus, frozen=True, kw_only=True):
    """Starts an execution. `flow` and `map_run_arn` are set for a child execution of a distributed Map."""

    id: str
    name: str
    input: Json
    machine_id: str = ""
    machine_name: str = ""
    role_arn: str = ""
    flow: int = 0
    map_run_arn: str | None = None
    limits: ExecutionLimits = NO_LIMITS


class TaskStarted(_Stimulus, frozen=True):
    """A worker begins to run a task."""

    task: str


class TaskSubmitted(_Stimulus, frozen=True):
    """The service accepted a task and answers later (`.sync`, `.waitForTaskToken`)."""

    task: str
    output: Json = None


class TaskSucceeded(_Stimulus, frozen=True):
    """A task succeeds. `output` is its raw result; the items of a `ReadItems`, or the details of a `WriteResults`."""

    task: str
    output: Json


class TaskFailed(_Stimulus, frozen=True):
    """A task, a `ReadItems` or a `WriteResults` fails."""

    task: str
    error: str | None = None
    cause: str | None = None


class Heartbeat(_Stimulus, frozen=True):
    """A task is still running."""

    task: str


class TimerFired(_Stimulus, frozen=True):
    """A timer is due. A timer that fires before its due time is ignored."""

    timer: str


class ChildFinished(_Stimulus, frozen=True):
    """A child execution of a distributed Map ends."""

    child: str
    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None


class StopExecution(_Stimulus, frozen=True):
    """A user stops the execution.

    `redrive_count` is that of the execution to stop, so that a redelivered stop does not stop a later redrive.
    """

    redrive_count: int
    error: str | None = None
    cause: str | None = None


class RedriveExecution(_Stimulus, frozen=True):
    """Runs an unsuccessful execution again from its failed states.

    `number` is 1 for the first redrive; another number than the next is a redelivery and is ignored. `inputs` replaces
    the input of failed states by name.
    """

    number: int
    inputs: dict[str, Json] = {}


class UpdateMapRun(_Stimulus, frozen=True):
    """Changes the limits of an open run of a distributed Map. `run` is its ARN."""

    run: str
    limits: MapRunLimits


DeliveredStimulus: TypeAlias = (
    TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | Heartbeat
    | TimerFired
    | ChildFinished
    | StopExecution
    | UpdateMapRun
)
"""What an execution receives while it is open."""
Stimulus: TypeAlias = StartExecution | RedriveExecution | DeliveredStimulus
