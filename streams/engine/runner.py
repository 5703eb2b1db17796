"""One record in, exactly one outcome out. Never raises.

The order of the steps is what makes effects happen once: look for a stored result, then work, then store, and only
then hand over what is to be sent. A record that is delivered again finds the result and re-emits it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TypeGuard

import msgspec
from msgspec.structs import replace

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, InvalidEventError, from_headers, timestamp
from headrace.schemas.ids import derived_id, job_end_id, job_token, token_stage
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted, StageFailure
from headrace.schemas.serde.codec import DecodeError, UnknownSchemaError, to_producer_record
from headrace.streams.costs.asset_budget import check_asset_budget
from headrace.streams.costs.estimates import estimate
from headrace.streams.engine import metrics
from headrace.streams.engine.context import OpenedRecord, RunnerContext
from headrace.streams.engine.headers import record_history
from headrace.streams.engine.outcome import Dead, Done, Outcome, outcome_for
from headrace.streams.errors import PermanentError, ThrottledError
from headrace.streams.results import AssetResults
from headrace.streams.rules.record_predicate import Predicate, record_predicate
from headrace.streams.stage import AsyncJob, FanIn, FinishedJob, JobWatch, Router, Stage, Transform, record_filter

SKIPPED = Done(how="skipped", why="the stage does not want it")


class Runner:
    """Runs one stage over records."""

    def __init__(self, stage: Stage, context: RunnerContext) -> None:
        self._stage = stage
        self._context = context
        self._wants = record_filter(stage)
        self._is_job: Predicate = record_predicate(stage.job.when) if stage.job else lambda _: False

    async def run(self, received: ConsumerRecord, tries: int = 0, waits: int = 0) -> Outcome:
        """Take a record through the stage, which since it came was tried `tries` times and has waited `waits` times."""
        try:
            return await self._run(received)
        except Exception as error:  # every ending is decided in one place, bugs of ours included
            origin = record_history(received)
            most = self._stage.max_attempts
            return outcome_for(error, origin.failures + tries + 1, self._context.draw, origin.waits + waits, most)

    async def remember_failure(self, received: ConsumerRecord, dead: Dead) -> None:
        """Note in the store that the stage failed for this asset, so that fan-ins need not wait for it."""
        if isinstance(self._stage.handler, Router):
            return
        try:
            from_headers(received.headers)
            asset = await self._asset(self._context.codec.decode(received.value))
        except (DecodeError, InvalidEventError, PermanentError):
            return
        if asset is not None:
            failure = StageFailure(stage=self._stage.name, code=dead.code, reason=dead.why[:500])
            await self._context.results.put_failure(asset, self._stage.result_name, failure)

    async def _run(self, received: ConsumerRecord) -> Outcome:
        try:
            try:
                event = self._context.codec.decode(received.value)
            except UnknownSchemaError:
                event = await self._context.codec.decode_async(received.value)
            if not self._is_for_this(event, received.topic):
                return SKIPPED
            envelope = from_headers(received.headers)
        except (DecodeError, InvalidEventError):
            if topics.is_dead_letters(received.topic):
                return Done(how="skipped", why="a dead letter that nobody can read is one already")
            raise
        handler = self._stage.handler
        if isinstance(handler, Router):
            sent = await handler.route(received, event, envelope)
            return SKIPPED if sent is None else Done(sent)
        if _is_job_completion(event, received.topic):
            return await self._finish(event, envelope, received.partition)
        if isinstance(handler, JobWatch):
            return await self._check(handler, event, envelope) if isinstance(event, JobStarted) else SKIPPED
        asset = await self._asset(event)
        if asset is None:
            return Done(how="skipped", why="not about an asset")
        return await self._run_stage(handler, OpenedRecord(event, envelope, asset, received.partition))

    def _is_for_this(self, event: Event, topic: str) -> bool:
        """Say it before the envelope is read: most events that a stage reads are for others."""
        return isinstance(self._stage.handler, Router) or _is_job_completion(event, topic) or self._wants(event)

    async def _run_stage(self, handler: Transform | FanIn | AsyncJob, task: OpenedRecord) -> Outcome:
        shelf = await self._context.results.load(task.asset)
        if isinstance(handler, FanIn):
            return await self._gather(handler, task, shelf)
        again = await self._reemit_stored(shelf, self._stage.result_name)
        if again is not None:
            return again
        if shelf.newer:
            return Done(how="superseded", why="a newer version of the object is known")
        await check_asset_budget(self._stage, task.event, shelf, self._context.budget)
        if self._context.day is not None:
            self._context.day.reserve(self._stage, task.event, self._context.clock())
        if isinstance(handler, AsyncJob):
            if handler.otherwise is None or self._is_job(task.event):
                return await self._start(handler, task, shelf)
            handler = handler.otherwise
        return await self._store_and_emit(task, await handler.run(task.event, self._context.services))

    async def _start(self, job: AsyncJob, task: OpenedRecord, shelf: AssetResults) -> Outcome:
        """Store the intent, submit the job and let go. The same token on every attempt makes it one job."""
        name = f"{self._stage.result_name}.started"
        again = await self._reemit_stored(shelf, name)
        if again is not None:
            return again
        token = job_token(self._stage.name, task.asset, self._stage.result_name)
        now = self._context.clock()
        deadline = now + timedelta(seconds=job.deadline_seconds)
        self._context.slots.take(self._stage.name, task.partition, token, now, deadline)
        if not job.idempotent_start and await self._context.results.intent(token) is not None:
            metrics.SUSPECTED_DUPLICATES.labels(self._stage.name).inc()
            metrics.log.warning("perhaps started twice", stage=self._stage.name, token=token, service=job.service)
        await self._context.results.put_intent(token, self._stage.name, task.event, task.envelope)
        try:
            job_id = await job.start(task.event, token, self._context.services)
        except (PermanentError, ThrottledError):  # anything else may have started the job all the same
            self._context.slots.release(token)
            raise
        started = JobStarted(
            asset=task.asset,
            stage=self._stage.name,
            token=token,
            partition=task.partition,
            service=job.service,
            operation=job.operation,
            job_id=job_id,
            usd=estimate(self._stage, task.event),
            started_at=now,
            deadline_at=deadline,
        )
        return await self._store_and_emit(task, started, name, "started")

    async def _finish(self, job: JobFinished, envelope: EventMetadata, partition: int) -> Outcome:
        """Wake up on a completion: fetch what the job found, store it and emit it."""
        if self._stage.job is None or token_stage(job.token) != self._stage.name:
            return Done(how="skipped", why="another stage's job")
        intent = await self._context.results.intent(job.token)
        if intent is None:
            raise PermanentError("unknown_job", f"nobody stored what job {job.job_id} was started for")
        record = intent.record()
        cause = replace(envelope, correlation_id=intent.envelope.correlation, traceparent=intent.envelope.traceparent)
        task = OpenedRecord(job, cause, record.asset, partition)
        shelf = await self._context.results.load(task.asset)
        again = await self._reemit_stored(shelf, self._stage.result_name)
        if again is not None:
            return again
        if shelf.newer:
            return Done(how="superseded", why="a newer version of the object is known")
        if job.status == "failed":
            raise PermanentError(job.code or "job_failed", job.message or f"{job.service} gave no reason")
        return await self._store_and_emit(
            task, await self._stage.job.finish(FinishedJob(job, record), self._context.services)
        )

    async def _check(self, handler: JobWatch, job: JobStarted, envelope: EventMetadata) -> Outcome:
        """Look up a job. Nothing is stored: the completion event has the same id on every attempt."""
        shelf = await self._context.results.load(job.asset)
        ended = await handler.check(job, shelf, self._context.services)
        if ended is None:
            return Done(how="skipped", why="its stage knows of its end")
        id_ = job_end_id(ended.service, ended.job_id, ended.token, ended.status)
        found = self._envelope(ended, id_, envelope, ended.finished_at)
        return Done((self._message(ended, found),))

    async def _gather(self, handler: FanIn, task: OpenedRecord, shelf: AssetResults) -> Outcome:
        """Fan-in without state: whoever sees the whole set emits, and always with the same id.

        Two arrivals may see the whole set. The stored result belongs to the one that stored it: only that one
        emits it again when it is redelivered or replayed.
        """
        event = await handler.gather(task.asset, shelf)
        if event is None:
            return Done(how="skipped", why="not all of the set has arrived")
        digest = hashlib.sha256(msgspec.json.encode(event)).hexdigest()[:16]
        name = f"{self._stage.result_name}-{digest}"
        stored = await shelf.stored(name)
        if stored is not None and stored.cause != task.envelope.id:
            return Done(how="skipped", why="emitted for another arrival")
        return await self._reemit_stored(shelf, name) or await self._store_and_emit(task, event, name, digest)

    async def _reemit_stored(self, shelf: AssetResults, name: str) -> Done | None:
        """Emit again what is in the store, exactly as it was."""
        stored = await shelf.stored(name)
        if stored is None:
            return None
        if stored.event is None or stored.envelope is None:
            return Done(how="stored")
        return Done((to_producer_record(stored.record(), stored.envelope, self._context.codec),), how="stored")

    async def _store_and_emit(
        self, task: OpenedRecord, event: Event | None, name: str = "", ordinal: int | str = 0
    ) -> Done:
        """Store the result; only what is stored is emitted."""
        gathers = isinstance(self._stage.handler, FanIn)
        cause = task.envelope.correlation if gathers else task.envelope.id
        id_ = derived_id(cause, self._stage.name, self._stage.version_key, ordinal)
        envelope = self._envelope(event, id_, task.envelope, self._context.clock())
        name = name or self._stage.result_name
        await self._context.results.put(task.asset, name, event, envelope, task.envelope.id)
        return Done((self._message(event, envelope),) if event else ())

    def _envelope(self, event: Event | None, id_: str, cause: EventMetadata, time: datetime) -> EventMetadata:
        """Say of an event that it is this stage's, and what it comes from."""
        return EventMetadata(
            id=id_,
            source=f"headrace/{self._stage.name}",
            type=PREFIX + (event.EVENT if event else ""),
            time=timestamp(time),
            subject=topics.subject_of(event) if event else "",
            correlation_id=cause.correlation,
            causation_id=cause.id,
            traceparent=cause.traceparent,
        )

    def _message(self, event: Event, envelope: EventMetadata) -> ProducerRecord:
        return to_producer_record(event, envelope, self._context.codec)

    async def _asset(self, event: Event) -> Asset | None:
        """Say which asset version an event is about; a completion only tells through its job's intent."""
        if not isinstance(event, JobFinished):
            return getattr(event, "asset", None)
        if token_stage(event.token) is None:
            return None
        intent = await self._context.results.intent(event.token)
        asset: Asset | None = intent.record().asset if intent else None
        return asset


def _is_job_completion(event: Event, topic: str) -> TypeGuard[JobFinished]:
    """Whether an event ends a job, and does not come back as the letter of a stage that had no use for it."""
    return isinstance(event, JobFinished) and not topics.is_dead_letters(topic)
