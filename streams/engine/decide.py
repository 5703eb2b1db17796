"""Decide what a stage does with a record. Reads the results store; writes nothing and calls no service.

The runner executes a decision, and the replay forecast counts it.

    Skip        the record is not for this stage
    Reject      the record can never succeed: dead letter
    EmitStored  the result is stored: emit it again
    Superseded  a newer version of the object is known
    Call        run a transform
    Start       start a job
    Finish      fetch the result of a completed job
    Fail        find out why a job failed
    Gather      join the results of other stages
    Check       look up a started job
    Route       forward the record
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from headrace.schemas import topics
from headrace.schemas.ids import token_stage
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted
from headrace.streams.handlers import AsyncJob, FanIn, FinishedJob, JobWatch, Router, Transform
from headrace.streams.results import AssetResults, JobIntent, ResultsStore
from headrace.streams.rules.record_predicate import Predicate, record_predicate
from headrace.streams.stage import Stage, record_filter


@dataclass(frozen=True, slots=True)
class Skip:
    """The record is not for this stage."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """The record can never succeed."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class EmitStored:
    """The result `name` is in the store."""

    name: str
    results: AssetResults


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer version of the object is known."""

    reason: str = "a newer version of the object is known"


@dataclass(frozen=True, slots=True)
class Call:
    """Run a transform on the record."""

    handler: Transform
    asset: Asset
    results: AssetResults


@dataclass(frozen=True, slots=True)
class Start:
    """Start a job for the record."""

    handler: AsyncJob
    asset: Asset
    results: AssetResults


@dataclass(frozen=True, slots=True)
class Finish:
    """Fetch the result of a job that succeeded. It may be `superseded`: other versions may reuse the result."""

    handler: AsyncJob
    finished: FinishedJob
    intent: JobIntent
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Fail:
    """Find out why a job failed."""

    handler: AsyncJob
    finished: FinishedJob
    intent: JobIntent
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Gather:
    """Join the results of other stages."""

    handler: FanIn
    asset: Asset
    results: AssetResults


@dataclass(frozen=True, slots=True)
class Check:
    """Look up a started job."""

    handler: JobWatch
    job: JobStarted
    results: AssetResults


@dataclass(frozen=True, slots=True)
class Route:
    """Forward the record."""

    handler: Router


Decision = Skip | Reject | EmitStored | Superseded | Call | Start | Finish | Fail | Gather | Check | Route

NOT_MATCHED = Skip("the record does not match the stage's filter")


class Decider:
    """Decides for one stage, from its filters and the results store."""

    def __init__(self, stage: Stage, results: ResultsStore) -> None:
        self._stage = stage
        self._results = results
        self._matches = record_filter(stage)
        self._result_name = stage.result_name
        self._needs_job: Predicate = record_predicate(stage.job.when) if stage.job else lambda _: False

    def accepts(self, event: Event, topic: str) -> bool:
        """Return whether an event matches the stage, before its headers are parsed: most events do not."""
        return isinstance(self._stage.handler, Router) or _is_job_completion(event, topic) or self._matches(event)

    def ended_job(self, event: Event, topic: str) -> str | None:
        """Return the token of a job of the stage if the event completes one."""
        if not _is_job_completion(event, topic) or token_stage(event.token) != self._stage.name:
            return None
        return event.token

    async def decide(self, event: Event, topic: str) -> Decision:
        """Decide what to do with an accepted event. Raises `StageError` if the store cannot be read."""
        match self._stage.handler:
            case Router() as router:
                return Route(router)
            case AsyncJob() as job if _is_job_completion(event, topic):
                return await self._completion(job, event)
            case _ if _is_job_completion(event, topic):
                return Skip("another stage's job")
            case JobWatch() as watch:
                if not isinstance(event, JobStarted):
                    return NOT_MATCHED
                return Check(watch, event, await self._results.load(event.asset))
            case Transform() | FanIn() | AsyncJob() as handler:
                return await self._asset_event(handler, event)

    async def _asset_event(self, handler: Transform | FanIn | AsyncJob, event: Event) -> Decision:
        asset = await self.asset_of(event)
        if asset is None:
            return Skip("the record has no asset")
        results = await self._results.load(asset)
        if isinstance(handler, FanIn):
            return Gather(handler, asset, results)
        if (known := self._known(results)) is not None:
            return known
        if isinstance(handler, Transform):
            return Call(handler, asset, results)
        if handler.otherwise is not None and not self._needs_job(event):
            return Call(handler.otherwise, asset, results)
        started = self._stage.started_name
        return EmitStored(started, results) if results.has(started) else Start(handler, asset, results)

    async def _completion(self, handler: AsyncJob, job: JobFinished) -> Decision:
        if token_stage(job.token) != self._stage.name:
            return Skip("another stage's job")
        intent = await self._results.intent(job.token)
        if intent is None:
            return Reject("unknown_job", f"no stored intent for job {job.job_id}")
        record = intent.record()
        known = self._known(await self._results.load(record.asset))
        superseded = isinstance(known, Superseded)
        if known is not None and not (superseded and self._stage.reuse):
            return known
        decision = Fail if job.status == "failed" else Finish
        return decision(handler, FinishedJob(job, record), intent, superseded)

    def _known(self, results: AssetResults) -> EmitStored | Superseded | None:
        if results.has(self._result_name):
            return EmitStored(self._result_name, results)
        return Superseded() if results.newer else None

    async def asset_of(self, event: Event) -> Asset | None:
        """Return the asset version of an event. For a job completion, read it from the job's intent."""
        if not isinstance(event, JobFinished):
            return getattr(event, "asset", None)
        if token_stage(event.token) is None:
            return None
        intent = await self._results.intent(event.token)
        asset: Asset | None = intent.record().asset if intent else None
        return asset


def _is_job_completion(event: Event, topic: str) -> TypeGuard[JobFinished]:
    """Return whether an event completes a job. A dead letter with a completion does not."""
    return isinstance(event, JobFinished) and not topics.is_dead_letters(topic)
