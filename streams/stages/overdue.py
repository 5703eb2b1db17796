"""Look after jobs whose end nobody told of: AWS tells at best once, and of transcriptions not even that is certain.

A job that was started waits in this stage's retry topic until it is due, and holds nothing while it does. Then its
service is asked, once. A job that still runs is due again after twice the time, at the latest at its deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from headrace.schemas.records import JobFinished, JobStarted
from headrace.schemas.topics import JOBS_STARTED
from headrace.streams.errors import PermanentError, RetryAt
from headrace.streams.results import AssetResults
from headrace.streams.services import Services
from headrace.streams.stage import CheckJob, JobWatch, Stage

FIRST_LOOK_SECONDS = 900.0


def overdue_stage(
    after: float = FIRST_LOOK_SECONDS,
    options: tuple[str, ...] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Stage:
    """Build the stage; the first look at a job is so many seconds after its start."""
    check = _checking(after, clock)
    return Stage("overdue", reads=(JOBS_STARTED,), handler=JobWatch(check), options=options, factory=overdue_stage)


def _checking(first: float, clock: Callable[[], datetime]) -> CheckJob:
    async def check(job: JobStarted, shelf: AssetResults, services: Services) -> JobFinished | None:
        """Say how a job has ended of which its stage knows nothing. Raises `NotYet` until it is due.

        One for a version that was overtaken is asked for as well: until its end is told it holds a slot.
        """
        if shelf.result(job.stage) or shelf.failed(job.stage):
            return None
        ran = (clock() - job.started_at).total_seconds()
        deadline = (job.deadline_at - job.started_at).total_seconds()
        if ran < min(first, deadline):
            raise RetryAt(f"job {job.job_id} has just begun", min(first, deadline) - ran)
        try:
            ended = await services.jobs.completion_of(job)
        except PermanentError as error:  # the service does not know it: there will be no other end
            return _lost(job, error.code, f"{job.service} does not know job {job.job_id}: {error.why}", clock())
        if ended is not None:
            return ended
        if ran >= deadline:
            return _lost(job, "timeout", f"job {job.job_id} of {job.service} has not ended by its deadline", clock())
        raise RetryAt(f"job {job.job_id} still runs", min(ran, deadline - ran))

    return check


def _lost(job: JobStarted, code: str, why: str, now: datetime) -> JobFinished:
    ended = JobFinished(
        token=job.token,
        service=job.service,
        operation=job.operation,
        job_id=job.job_id,
        status="failed",
        finished_at=now,
    )
    return replace(ended, code=code, message=why)


STAGE = overdue_stage()
