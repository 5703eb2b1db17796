"""The record of an execution. One transition copies what it changes; a record is never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from headrace.streams.machines.json_types import Json

ExecutionStatus: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
BranchStatus: TypeAlias = Literal["running", "failed", "aborted"]

ROOT_BRANCH = 0


class ExecutionLimits(Struct, frozen=True):
    """Limits of an execution; without `payload_bytes` the limit is `limits.LARGEST_PAYLOAD`.

    `payload_bytes` is for each result and output as JSON in UTF-8, `variables_bytes` for all variables that a state
    sees. `events` is for the history; None is no limit.
    """

    payload_bytes: int | None = None
    events: int | None = None
    variables_bytes: int | None = None


NO_LIMITS = ExecutionLimits()
AWS_LIMITS = ExecutionLimits(payload_bytes=262_144, events=25_000, variables_bytes=10 * 2**20)


class MapItem(Struct, frozen=True):
    """The item of a Map iteration; `key` is set if the items are the members of an object.

    `source` says where the items of a distributed Map come from.
    """

    index: int
    value: Json
    key: str | None = None
    source: str | None = None


class ChildOutcome(Struct, frozen=True, omit_defaults=True):
    """How a branch, an iteration or a child execution ended."""

    output: Json = None
    failed: bool = False
    error: str | None = None
    cause: str | None = None


Outcomes: TypeAlias = list[list[ChildOutcome | None]]
"""Outcomes by index, in chunks, so that a transition copies one chunk instead of all outcomes."""


class TaskWork(Struct, frozen=True, tag="task"):
    """A submitted task. `heartbeat` is in seconds; the deadlines are the due times of its timers."""

    task: str
    started: bool = False
    submitted: bool = False
    deadline: datetime | None = None
    heartbeat: float | None = None
    heartbeat_deadline: datetime | None = None


class DelayWork(Struct, frozen=True, tag="delay"):
    """A timer: of a Wait state, or before a retry."""

    timer: str
    due: datetime


class GroupWork(Struct, frozen=True, tag="group"):
    """The branches of a Parallel state, or the iterations of an inline Map."""

    outcomes: Outcomes
    size: int
    concurrency: int
    items: Json = None
    started: int = 0
    finished: int = 0


class MapRunLimits(Struct, frozen=True, omit_defaults=True):
    """Limits of the run of a distributed Map that replace those of its state; None is no change.

    `concurrency` 0 is the largest one.
    """

    concurrency: int | None = None
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None

    def changed(self, later: MapRunLimits) -> MapRunLimits:
        """Return these limits with those of a later change."""
        given = {name: value for name, value in asdict(later).items() if value is not None}
        return replace(self, **given)


class MapRunWork(Struct, frozen=True, tag="map_run"):
    """The child executions of a distributed Map, whose inputs are `inputs`. `weights` counts the items of a child."""

    arn: str
    outcomes: Outcomes
    inputs: Json
    weights: list[int]
    concurrency: int
    tolerated_count: int | None
    tolerated_percentage: float | None
    key: int
    started: int = 0
    finished: int = 0
    failed_weight: int = 0


class DatasetWork(Struct, frozen=True, tag="dataset"):
    """A distributed Map reads its items, or writes its results. `run` is the run whose results are written.

    `limits` were changed before the items were read.
    """

    task: str
    arn: str
    run: MapRunWork | None = None
    limits: MapRunLimits | None = None


Work: TypeAlias = TaskWork | DelayWork | GroupWork | MapRunWork | DatasetWork


class FlowBranch(Struct):
    """A line of states: the execution itself, a branch of a Parallel state, or an iteration of an inline Map.

    `index` is the position among the children of `parent`. `entered` is the id of the event that entered the state, 0
    before it. `retries` counts the retries of each retrier. `variables` holds those of outer branches too.
    """

    id: int
    parent: int | None
    index: int
    flow: int
    state: str
    input: Json
    variables: Mapping[str, Json]
    entered_at: datetime
    entered: int = 0
    last_event: int = 0
    retries: tuple[int, ...] = ()
    item: MapItem | None = None
    work: Work | None = None
    status: BranchStatus = "running"


class Execution(Struct):
    """An execution of a machine. `sequence` counts the stimuli that changed it.

    `timeout` is the timer of the machine's TimeoutSeconds; `continuation` the timer that continues a long transition.
    """

    id: str
    name: str
    machine_id: str
    machine_name: str
    role_arn: str
    input: Json
    flow: int
    started_at: datetime
    limits: ExecutionLimits
    branches: dict[int, FlowBranch]
    map_run_arn: str | None = None
    status: ExecutionStatus = "RUNNING"
    output: Json = None
    error: str | None = None
    cause: str | None = None
    stopped_at: datetime | None = None
    redrive_count: int = 0
    redriven_at: datetime | None = None
    timeout: DelayWork | None = None
    continuation: str | None = None
    last_event: int = 0
    next_branch: int = 1
    next_key: int = 1
    sequence: int = 0
