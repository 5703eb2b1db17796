"""Read the status of a job from its service, with one call. A job has a result only if its status is a success."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.schemas.jobs import JOB_SPECS, JobSpec, is_running, succeeded
from headrace.schemas.records import JobFinished, JobStarted
from headrace.streams import vision_features
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.error_codes import unreadable_answer
from headrace.streams.errors import PermanentError, RetryAt

SPECS: Mapping[tuple[str, str], JobSpec] = {**JOB_SPECS, **vision_features.JOB_SPECS}
"""The specification of each job, by service and operation."""

CHECK_AGAIN_SECONDS = 60.0
PAGE_RESULTS = 1_000
MAX_PAGES = 10_000
"""Pages of one result. AWS returns far fewer: this many have ten million detections."""


def result_of(spec: JobSpec, job_id: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a response that describes the job, if the job has a result.

    Raises:
        RetryAt: The job is running: its completion event was early, or is not from the service.
        PermanentError: `job_failed` with the reason of the service, or `unknown_status`.
    """
    result, status = _described(spec, response)
    if is_running(status):
        raise RetryAt(f"{spec.service} job {job_id} is {status}", CHECK_AGAIN_SECONDS)
    match succeeded(status):
        case True:
            return result
        case False:
            raise PermanentError("job_failed", str(result.get(spec.reason_field) or status))
    raise PermanentError("unknown_status", f"{spec.service} job {job_id} has the unknown status {status!r}")


async def result_pages(aws: AwsClient, spec: JobSpec, job_id: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the pages of the result of a job.

    Raises:
        StageError: The job has no result, see `result_of`; or its pages have no end.
    """
    more: dict[str, str] = {}
    seen: set[str] = set()
    while True:
        page = await aws.call(spec.service, spec.method, JobId=job_id, MaxResults=PAGE_RESULTS, **more)
        result_of(spec, job_id, page)
        yield page
        token = page.get("NextToken")
        if not token:
            return
        if token in seen or len(seen) == MAX_PAGES:
            raise unreadable_answer(f"{spec.method}: the pages of job {job_id} have no end")
        seen.add(token)
        more = {"NextToken": token}


def _described(spec: JobSpec, response: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the description of a job and its status word; empty if the response has none."""
    result: dict[str, Any] = response.get(spec.result_field, {}) if spec.result_field else response
    return result, str(result.get(spec.status_field, ""))


class AwsJobStatus:
    """Reads the status of jobs from the AWS services."""

    def __init__(self, aws: AwsClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._aws = aws
        self._clock = clock

    async def completion_of(self, job: JobStarted | JobFinished) -> JobFinished | None:
        """Return the completion of a job; None while it runs, and for an unknown status."""
        spec = SPECS[job.service, job.operation]
        response = await self._aws.call(job.service, spec.method, **{spec.id_parameter: job.job_id}, **spec.options)
        result, status = _described(spec, response)
        success = succeeded(status)
        if success is None:
            return None
        return JobFinished(
            token=job.token,
            service=job.service,
            operation=job.operation,
            job_id=job.job_id,
            status="succeeded" if success else "failed",
            message=None if success else result.get(spec.reason_field) or status,
            finished_at=self._clock(),
        )
