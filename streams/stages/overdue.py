"""Look up jobs without a completion notification. AWS sends it at most once, and for transcriptions best effort.

A started job waits in this stage's retry topic until it is due, and blocks no other record. Then the stage calls the
job's service once. A job that is still running is due again after twice the time, at the latest at its deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from headrace.schemas.records import JobFinished, JobStarted
from headrace.schemas.safe_text import header_text
from headrace.schemas.topics import JOBS_STARTED
from headrace.streams.errors import PermanentError, RetryAt
from headrace.streams.handlers import CheckJob, JobWatch
from headrace.streams.results import AssetResults
from headrace.streams.services import Services
from headrace.streams.stage import Stage

FIRST_CHECK_SECONDS = 900.0


def overdue_stage(
    after: float = FIRST_CHECK_SECONDS,
    options: tuple[str, ...] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Stage:
    """Build the stage; it looks up a job `after` seconds after its start."""
    check = _check(after, clock)
    return Stage("overdue", reads=(JOBS_STARTED,), handler=JobWatch(check), options=options, factory=overdue_stage)


def _check(first: float, clock: Callable[[], datetime]) -> CheckJob:
    async def check(job: JobStarted, results: AssetResults, services: Services) -> JobFinished | None:
        """Return the completion event of a job; None if its stage already has a result or a failure.

        A superseded asset version is no exception: its job holds a slot until it completes.

        Raises:
            RetryAt: the job is not due, or is still running.
        """
        if results.result(job.stage) or results.failed(job.stage):
            return None
        ran = (clock() - job.started_at).total_seconds()
        deadline = (job.deadline_at - job.started_at).total_seconds()
        if ran < min(first, deadline):
            raise RetryAt(f"job {job.job_id} is not due", min(first, deadline) - ran)
        try:
            completion = await services.jobs.completion_of(job)
        except PermanentError as error:  # the service does not know the job
            return _lost(job, error.code, f"{job.service} does not know job {job.job_id}: {error.why}", clock())
        if completion is not None:
            return completion
        if ran >= deadline:
            return _lost(
                job, "timeout", f"job {job.job_id} of {job.service} has not completed by its deadline", clock()
            )
        raise RetryAt(f"job {job.job_id} is still running", min(ran, deadline - ran))

    return check


def _lost(job: JobStarted, code: str, why: str, now: datetime) -> JobFinished:
    failed = JobFinished(
        token=job.token,
        service=job.service,
        operation=job.operation,
        job_id=job.job_id,
        status="failed",
        finished_at=now,
    )
    return replace(failed, code=code, message=header_text(why))


STAGE = overdue_stage()
