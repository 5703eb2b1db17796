"""Run a stage on a record: one record in, exactly one outcome out. Never raises.

Effects happen once because of the order of the steps: look for a stored result, call the stage, store the result, emit
it. A redelivered record finds the stored result and emits it again.
"""

from __future__ import annotations

import dataclasses
import hashlib
from functools import partial
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata, InvalidEventError, from_headers
from headrace.schemas.ids import derived_id, job_end_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event
from headrace.schemas.serde.codec import DecodeError, UnknownSchemaError, to_producer_record
from headrace.streams.engine import metrics
from headrace.streams.engine.arrivals import arrival_of
from headrace.streams.engine.budgets import check_budgets
from headrace.streams.engine.context import OpenedRecord, RunnerContext
from headrace.streams.engine.decide import (
    NOT_MATCHED,
    Call,
    Check,
    Decider,
    Decision,
    EmitStored,
    Fail,
    Finish,
    Gather,
    Reject,
    Route,
    Skip,
    Start,
    Superseded,
)
from headrace.streams.engine.dlq import stage_failure
from headrace.streams.engine.envelope import stage_envelope
from headrace.streams.engine.headers import record_history
from headrace.streams.engine.job_failures import settle
from headrace.streams.engine.job_start import start_job
from headrace.streams.engine.outcome import EVERY_ERROR, Dead, Done, Outcome, outcome_for, raise_if_cancelled
from headrace.streams.engine.record_spans import finish_span, link_stored
from headrace.streams.errors import ObjectGone, PermanentError, TransientError
from headrace.streams.handlers import AsyncJob, FanIn, Router, Transform
from headrace.streams.results import StoredResult
from headrace.streams.reuse.reuse import ContentReuse, ReusedResult
from headrace.streams.stage import Stage

SKIPPED = Done(how="skipped", why=NOT_MATCHED.reason)


class Runner:
    """Runs one stage over records."""

    def __init__(self, stage: Stage, context: RunnerContext) -> None:
        self._stage, self._result_name = stage, stage.result_name
        services = dataclasses.replace(context.services, result_name=stage.result_name)
        self._context = dataclasses.replace(context, services=services)
        self._decider = Decider(stage, context.results)
        self._reuse = ContentReuse(stage, context.reuse) if stage.reuse and context.reuse else None

    async def run(self, received: ConsumerRecord, tries: int = 0, waits: int = 0) -> Outcome:
        """Run the stage on a record that this worker has tried `tries` times and deferred `waits` times."""
        try:
            return await self._run(received)
        except EVERY_ERROR as error:  # every error has an outcome, internal errors included
            raise_if_cancelled(error)
            origin = record_history(received)
            attempt, all_waits = origin.failures + tries + 1, origin.waits + waits
            return outcome_for(error, attempt, self._context.draw, all_waits, self._stage.retry_policy)

    async def repeat(self, received: ConsumerRecord) -> Outcome:
        """Call the transform on a record again, and store and emit nothing."""
        try:
            if isinstance(self._stage.handler, Transform):
                event = self._context.codec.decode(received.value)
                await self._stage.handler.run(event, self._context.services)
        except Exception as error:  # as in `run`
            return outcome_for(error, 1, self._context.draw)
        return Done()

    async def remember_failure(self, received: ConsumerRecord, dead: Dead) -> Asset | None:
        """Store that the stage failed for this asset, so that fan-ins do not wait for it. Return the asset if known."""
        try:
            from_headers(received.headers)
            event = self._context.codec.decode(received.value)
            if isinstance(self._stage.handler, Router):
                return getattr(event, "asset", None)
            asset = await self._decider.asset_of(event)
        except (DecodeError, InvalidEventError, PermanentError):
            return None
        if asset is not None:
            failure = stage_failure(self._stage, dead)
            await self._context.results.put_failure(asset, self._result_name, failure)
            if self._reuse is not None:
                await self._reuse.give_up(event, asset, failure)
        return asset

    async def _run(self, received: ConsumerRecord) -> Outcome:
        try:
            try:
                event = self._context.codec.decode(received.value)
            except UnknownSchemaError:
                event = await self._context.codec.decode_async(received.value)
            if not self._decider.accepts(event, received.topic):
                return SKIPPED
            envelope = from_headers(received.headers)
        except (DecodeError, InvalidEventError):
            if topics.is_dead_letters(received.topic):
                return Done(how="skipped", why="an unparseable dead letter is not dead-lettered again")
            raise
        if (token := self._decider.ended_job(event, received.topic)) is not None:
            await self._context.slots.end(token)
        decision = await self._decider.decide(event, received.topic)
        return await self._execute(decision, received, event, envelope)

    async def _execute(
        self, decision: Decision, received: ConsumerRecord, event: Event, envelope: EventMetadata
    ) -> Outcome:
        match decision:
            case Call() | Start():
                task = OpenedRecord(event, envelope, decision.asset, received.partition)
                return await self._run_or_reuse(decision, task, received)
            case Skip() | Superseded():
                return Done(how="skipped" if isinstance(decision, Skip) else "superseded", why=decision.reason)
            case Reject():
                raise PermanentError(decision.code, decision.reason)
            case EmitStored():
                return await self._emit_stored(decision)
            case Route():
                messages = await decision.handler.route(received, event, envelope)
                return SKIPPED if messages is None else Done(messages)
            case Check():
                return await self._check(decision, envelope)
            case Finish() | Fail():
                finish = self._finish_superseded if decision.superseded else self._finish
                return await finish(decision, envelope, received.partition)
            case Gather():
                return await self._gather(decision, OpenedRecord(event, envelope, decision.asset, received.partition))
            case _:
                assert_never(decision)

    async def _run_or_reuse(self, decision: Call | Start, task: OpenedRecord, received: ConsumerRecord) -> Outcome:
        """Emit the result of identical content, or else run the stage."""
        if self._reuse is not None:
            arrival = arrival_of(received)
            reused = await self._reuse.find(task.event, task.asset, decision.results, arrival)
            if reused is not None:
                return await self._store_and_emit(task, reused.event, reused=reused)
        try:
            await check_budgets(self._stage, task.event, decision.results, self._context)
            if isinstance(decision, Start):
                return await self._start(decision.handler, task)
            return await self._store_and_emit(task, await decision.handler.run(task.event, self._context.services))
        except ObjectGone:
            if self._reuse is not None:
                await self._reuse.give_up(task.event, task.asset)
            raise

    async def _start(self, job: AsyncJob, task: OpenedRecord) -> Outcome:
        started = await start_job(self._stage, job, task, self._context, self._reuse)
        return await self._store_and_emit(task, started, self._stage.started_name, "started")

    async def _finish(self, finish: Finish | Fail, envelope: EventMetadata, partition: int) -> Done:
        """Fetch the result of a completed job, store it and emit it."""
        origin, finished = finish.intent.envelope, finish.finished
        cause = replace(envelope, correlation_id=origin.correlation, traceparent=origin.traceparent)
        task = OpenedRecord(finished.job, cause, finished.asset, partition)
        result = partial(settle, finish.handler) if isinstance(finish, Fail) else finish.handler.finish
        with finish_span(self._context.tracer, self._stage.name, origin.traceparent):
            return await self._store_and_emit(task, await result(finished, self._context.services))

    async def _finish_superseded(self, finish: Finish | Fail, envelope: EventMetadata, partition: int) -> Outcome:
        """Finish the job of a superseded version if other versions with the same content wait for it."""
        finished, why = finish.finished, Superseded().reason
        if self._reuse is None or not await self._reuse.holds(finished.record, finished.asset):
            return Done(how="superseded", why=why)
        try:
            outcome = await self._finish(finish, envelope, partition)
        except PermanentError:
            await self._reuse.give_up(finished.record, finished.asset)
            return Done(how="superseded", why=why)
        return dataclasses.replace(outcome, how="superseded", why=why)

    async def _check(self, check: Check, envelope: EventMetadata) -> Outcome:
        """Look up a job. Nothing is stored: the completion event has the same id on every attempt."""
        ended = await check.handler.check(check.job, check.results, self._context.services)
        if ended is None:
            return Done(how="skipped", why="its stage has recorded the end of the job")
        id_ = job_end_id(ended.service, ended.job_id, ended.token, ended.status)
        return Done((self._message(ended, stage_envelope(self._stage, ended, id_, envelope, ended.finished_at)),))

    async def _gather(self, gather: Gather, task: OpenedRecord) -> Outcome:
        """Emit the joined event once the set is complete, always with the same id.

        Two records may both complete the set: only the one that the stored result names as its cause emits it again.
        """
        if (event := await gather.handler.gather(gather.asset, gather.results)) is None:
            return Done(how="skipped", why="the set is not complete")
        digest = hashlib.sha256(msgspec.json.encode(event)).hexdigest()[:16]
        name = f"{self._result_name}-{digest}"
        stored, join = await gather.results.stored(name), gather.handler.join
        if stored is None:
            if join is not None:
                event = await join(event, dataclasses.replace(self._context.services, result_name=name))
            return await self._store_and_emit(task, event, name, digest)
        if stored.cause != task.envelope.id:
            return Done(how="skipped", why="emitted for another record")
        return self._stored_outcome(stored)

    async def _emit_stored(self, decision: EmitStored) -> Done:
        """Emit a stored result unchanged. Raises `TransientError` if it was deleted since it was listed."""
        stored = await decision.results.stored(decision.name)
        if stored is None:
            raise TransientError(f"stored result {decision.name} was deleted while it was read")
        return self._stored_outcome(stored)

    def _stored_outcome(self, stored: StoredResult) -> Done:
        if stored.event is None or stored.envelope is None:
            return Done(how="stored")
        link_stored(stored.envelope.traceparent)
        return Done((to_producer_record(stored.record(), stored.envelope, self._context.codec),), how="stored")

    async def _store_and_emit(
        self,
        task: OpenedRecord,
        event: Event | None,
        name: str = "",
        ordinal: int | str = 0,
        reused: ReusedResult | None = None,
    ) -> Done:
        """Store the result, then emit what is stored."""
        cause = task.envelope.correlation if isinstance(self._stage.handler, FanIn) else task.envelope.id
        id_ = derived_id(cause, self._stage.name, self._stage.version_key, ordinal)
        envelope = stage_envelope(self._stage, event, id_, task.envelope, self._context.clock())
        if reused is not None:
            envelope = replace(envelope, reused_from=reused.source, saved_usd=f"{reused.usd:.6f}")
        await self._context.results.put(task.asset, name or self._result_name, event, envelope, task.envelope.id)
        metrics.add_cost(self._stage, None if reused else event)
        return Done((self._message(event, envelope),) if event else (), how="reused" if reused else "ran")

    def _message(self, event: Event, envelope: EventMetadata) -> ProducerRecord:
        return to_producer_record(event, envelope, self._context.codec)
