"""Start a job: wait for a slot, store the intent, call the service."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from headrace.schemas.ids import job_token
from headrace.schemas.records import JobStarted
from headrace.schemas.spans import current_traceparent
from headrace.streams.costs.estimates import estimate
from headrace.streams.engine import metrics
from headrace.streams.engine.context import OpenedRecord, RunnerContext
from headrace.streams.engine.outcome import EVERY_ERROR
from headrace.streams.errors import PermanentError, ThrottledError
from headrace.streams.handlers import AsyncJob
from headrace.streams.reuse.reuse import ContentReuse
from headrace.streams.stage import Stage


async def start_job(
    stage: Stage, job: AsyncJob, task: OpenedRecord, context: RunnerContext, reuse: ContentReuse | None = None
) -> JobStarted:
    """Start the job of a record. Every attempt uses the same token, so it remains one job.

    With `reuse`, it is checked after the wait for a slot that no other record runs the stage for the same content.
    """
    token = job_token(stage.name, task.asset, stage.result_name)
    is_first = await context.slots.acquire(token, job.deadline_seconds)
    now, called = context.clock(), False
    try:
        if reuse is not None:
            await reuse.check_claim(task.event, task.asset)
        await _prepare(stage, job, task, context, token)
        called = True
        job_id = await job.start(task.event, token, context.services)
    except EVERY_ERROR as error:
        # Otherwise the job may run: this call or one of an earlier attempt may have started it.
        if isinstance(error, PermanentError) or (is_first and (not called or isinstance(error, ThrottledError))):
            await context.slots.release(token)
        raise
    return JobStarted(
        asset=task.asset,
        stage=stage.name,
        token=token,
        partition=task.partition,
        service=job.service,
        operation=job.operation,
        job_id=job_id,
        usd=estimate(stage, task.event, context.prices),
        started_at=now,
        deadline_at=now + timedelta(seconds=job.deadline_seconds),
    )


async def _prepare(stage: Stage, job: AsyncJob, task: OpenedRecord, context: RunnerContext, token: str) -> None:
    """Reserve the cost again, because the wait for a slot may have been long, and store the intent."""
    if context.day is not None:
        context.day.reserve(stage, task.event, context.clock())
    if not job.idempotent_start and await context.results.intent(token) is not None:
        metrics.SUSPECTED_DUPLICATES.labels(stage.name).inc()
        metrics.log.warning("duplicate_job_start_suspected", stage=stage.name, token=token, service=job.service)
    envelope = replace(task.envelope, traceparent=current_traceparent(task.envelope.traceparent))
    await context.results.put_intent(token, stage.name, task.event, envelope)
