"""`streams.services.Jobs`: read the status of a job from its service, with one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from headrace.schemas.jobs import JOB_SPECS, JobSpec, succeeded
from headrace.schemas.records import JobFinished, JobStarted
from headrace.streams import vision_features
from headrace.streams.aws.client import AwsClient

SPECS: Mapping[tuple[str, str], JobSpec] = {**JOB_SPECS, **vision_features.JOB_SPECS}
"""The specification of each job, by service and operation."""


class AwsJobStatus:
    """Reads the status of jobs from the AWS services."""

    def __init__(self, aws: AwsClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._aws = aws
        self._clock = clock

    async def completion_of(self, job: JobStarted) -> JobFinished | None:
        """Return the completion of a job; None while it runs."""
        spec = SPECS[job.service, job.operation]
        response = await self._aws.call(job.service, spec.method, **{spec.id_parameter: job.job_id}, **spec.options)
        result = response[spec.result_field] if spec.result_field else response
        status = str(result[spec.status_field]).upper()
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
