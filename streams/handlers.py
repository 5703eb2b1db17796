"""The handlers of stages, each with its async functions.

Transform   takes a record and returns the resulting event, or None
FanIn       joins the results of other stages for one asset version
AsyncJob    starts a job at a service and stores its result once the job has completed
JobWatch    looks up jobs whose completion event is missing
Router      forwards records; nothing is stored
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted
from headrace.schemas.topics import Topic
from headrace.streams.results import AssetResults
from headrace.streams.services import Services

EventPattern = Mapping[str, Any]
RunStage = Callable[[Any, Services], Awaitable[Event | None]]
GatherResults = Callable[[Asset, AssetResults], Awaitable[Any]]
JoinResults = Callable[[Any, Services], Awaitable[Event]]
NeededTopics = Callable[[Any], Collection[Topic]]
RouteRecord = Callable[[ConsumerRecord, Event, EventMetadata], Awaitable[tuple[ProducerRecord, ...] | None]]
CheckJob = Callable[[JobStarted, AssetResults, Services], Awaitable[JobFinished | None]]
StartJob = Callable[[Any, str, Services], Awaitable[str]]
FinishJob = Callable[["FinishedJob", Services], Awaitable[Event]]
ExplainFailure = Callable[["FinishedJob", Services], Awaitable[Event | None]]


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A completed job, with the record that it was started for."""

    job: JobFinished
    record: Any

    @property
    def asset(self) -> Asset:
        """Return the object version that the job processed."""
        asset: Asset = self.record.asset
        return asset


@dataclass(frozen=True, slots=True)
class Transform:
    """Call `run` with each record. It returns the resulting event, or None if there is none."""

    run: RunStage


@dataclass(frozen=True, slots=True)
class FanIn:
    """Call `gather` with the stored results of an asset. It returns an event once the set is complete.

    With `join`, it returns the set, and `join` makes the event. `needs` returns the topics of a set beside the first
    one, for the event of that one; without it, a set needs a result of every topic.
    """

    gather: GatherResults
    join: JoinResults | None = None
    needs: NeededTopics | None = None


@dataclass(frozen=True, slots=True)
class AsyncJob:
    """Start a job with `start`; call `finish` when its completion event arrives.

    `start` receives the job token, which is the same on every attempt, and returns the service's job id. A service
    without `idempotent_start` may start a second job for the same token; the worker counts suspected duplicates.

    `when` is an event pattern: records that do not match it are passed to `otherwise`, without a job.

    `explain` returns the event of a failed job whose failure is a result, such as audio without speech; else None.

    Raises ValueError if only one of `when` and `otherwise` is given.
    """

    service: str
    operation: str
    start: StartJob
    finish: FinishJob
    when: EventPattern = field(default_factory=dict)
    otherwise: Transform | None = None
    explain: ExplainFailure | None = None
    deadline_seconds: float = 6 * 3600.0
    idempotent_start: bool = True

    def __post_init__(self) -> None:
        if bool(self.when) != (self.otherwise is not None):
            raise ValueError(f"{self.service} {self.operation}: `when` and `otherwise` must be given together")


@dataclass(frozen=True, slots=True)
class JobWatch:
    """Call `check` with each started job. It returns the completion event, or None if there is none to send."""

    check: CheckJob


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """Where a router sends records: `topic`, `machine` or the kind of a sink, with an address.

    With `shadow`, it counts the records that it would send, and sends none.
    """

    kind: str
    address: str
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Router:
    """Call `route` with each record. It returns the messages to send, or None if the record does not match.

    `target` is what pages show of the destination as it was when the stage was built.
    """

    route: RouteRecord
    target: RouteTarget | None = None


Handler = Transform | FanIn | AsyncJob | JobWatch | Router
