"""Find out why a job failed. Completions by SNS have a status and no reason; the service has it."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.schemas.jobs import succeeded
from headrace.schemas.records import Event, JobFinished
from headrace.schemas.safe_text import header_text
from headrace.streams.errors import PermanentError, RetryAt
from headrace.streams.handlers import AsyncJob, FinishedJob
from headrace.streams.services import Services

CHECK_AGAIN_SECONDS = 60.0


async def settle(handler: AsyncJob, finished: FinishedJob, services: Services) -> Event:
    """Return the event of a job that was reported as failed, if it has one.

    Raises:
        PermanentError: The job failed: the code of the completion or `job_failed`, and the service's own reason.
        RetryAt: The service says that the job is running.
    """
    job = await _explained(finished.job, services)
    if job.status == "succeeded":
        return await handler.finish(FinishedJob(job, finished.record), services)
    event = await handler.explain(FinishedJob(job, finished.record), services) if handler.explain else None
    if event is None:
        raise PermanentError(job.code or "job_failed", job.message or f"{job.service} gave no reason")
    return event


def has_reason(job: JobFinished) -> bool:
    """Return whether the completion of a failed job has a reason, and not only a status word."""
    return bool(job.message) and succeeded(job.message or "") is None


async def _explained(job: JobFinished, services: Services) -> JobFinished:
    """Return the completion with the service's reason; asks the service only if the completion has none."""
    if has_reason(job):
        return job
    try:
        ended = await services.jobs.completion_of(job)
    except PermanentError as failure:  # the service does not know the job, or may not be asked
        message = f"{job.message or 'no reason'} ({job.service} gave no details: {failure.why})"
        return replace(job, message=header_text(message))
    if ended is None:
        raise RetryAt(f"{job.service} job {job.job_id} was reported as failed and is running", CHECK_AGAIN_SECONDS)
    return replace(ended, code=job.code)
