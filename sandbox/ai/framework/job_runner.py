"""Run jobs in the background, once per token, and announce their completion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter, from_thread, to_thread
from anyio.abc import TaskGroup

from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError, CloudUnreachableError
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.faults import Faults
from headrace.sandbox.ai.framework.ledger import FAILED, RUNNING, SUCCEEDED, Ledger, LedgerJob

ENGINES_AT_A_TIME = 2
RETRY_SECONDS = 1.0

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobKind:
    """How to run jobs of one operation and announce their completion.

    `work` raises `UnprocessableMediaError` for media that it cannot process.
    """

    work: Callable[[LedgerJob, AwsClients], dict[str, Any]]
    announce: Callable[[LedgerJob, AwsClients], None]


@dataclass(frozen=True, slots=True)
class JobTools:
    """The dependencies of a job runner. `seconds` is the minimum duration of a job."""

    ledger: Ledger
    cloud: AwsClients
    faults: Faults
    clock: Callable[[], float]
    seconds: float


class JobRunner:
    """Starts jobs and completes them: work, wait until the job is due, store the result, announce."""

    def __init__(self, kinds: Mapping[str, JobKind], tools: JobTools) -> None:
        self._kinds = kinds
        self._tools = tools
        self._tasks: TaskGroup | None = None
        self._engines = CapacityLimiter(ENGINES_AT_A_TIME)

    def open(self, tasks: TaskGroup) -> None:
        """Run jobs in `tasks`; resumes the unfinished jobs of the ledger first."""
        self._tasks = tasks
        for job in self._tools.ledger.unfinished():
            self._spawn(job)

    def start(self, job: LedgerJob, since: float, limit: int) -> tuple[LedgerJob, bool]:
        """Start `job` and return it with True; return a job of the same token after `since` with False.

        Call it from a worker thread. Raises `TooManyJobsError` at `limit` running jobs of the service.
        """
        now = self._tools.clock()
        job = replace(job, started_at=now, due_at=now + self._tools.seconds)
        job, is_new = self._tools.ledger.begin(job, since, limit)
        if is_new:
            from_thread.run_sync(self._spawn, job)
        return job, is_new

    def _spawn(self, job: LedgerJob) -> None:
        if self._tasks is None:
            raise RuntimeError("job runner is not open")
        self._tasks.start_soon(self._run, job)

    async def _run(self, job: LedgerJob) -> None:
        if job.status == RUNNING:
            job = await self._retry(self._work, job, limiter=self._engines)
            await anyio.sleep(max(0.0, job.due_at - self._tools.clock()))
            job = replace(job, finished_at=self._tools.clock())
            await to_thread.run_sync(self._tools.ledger.finish, job)
        await self._announce(job)

    async def _retry(self, step: Callable[..., Result], *arguments: object, limiter: CapacityLimiter | None) -> Result:
        """Run a step and retry while the other services are unreachable; they may start later."""
        while True:
            try:
                return await to_thread.run_sync(step, *arguments, limiter=limiter)
            except CloudUnreachableError as error:
                log.warning("dependency_unavailable action=retry reason=%s", error)
                await anyio.sleep(RETRY_SECONDS)

    def _work(self, job: LedgerJob) -> LedgerJob:
        if fault := self._tools.faults.should_fail(job.operation, "fail_job"):
            return replace(job, status=FAILED, reason=fault.reason)
        try:
            result = self._kinds[job.operation].work(job, self._tools.cloud)
        except UnprocessableMediaError as reason:
            return replace(job, status=FAILED, reason=str(reason))
        except CloudUnreachableError:
            raise
        except Exception:  # an unexpected exception fails the job, so that it ends for its caller
            log.exception("job_failed operation=%s job=%s", job.operation, job.job_id)
            return replace(job, status=FAILED, reason="InternalError: the service failed, see its log.")
        return replace(job, status=SUCCEEDED, result=result)

    async def _announce(self, job: LedgerJob) -> None:
        should_fail = self._tools.faults.should_fail
        if late := should_fail(job.operation, "late_completion"):
            await anyio.sleep(late.seconds)
        times = 2 if should_fail(job.operation, "duplicate_completion") else 1
        times = 0 if should_fail(job.operation, "lost_completion") else times
        for _ in range(times):
            await self._retry(self._announce_once, job, limiter=None)
        await to_thread.run_sync(self._tools.ledger.announced, job, self._tools.clock())

    def _announce_once(self, job: LedgerJob) -> None:
        try:
            self._kinds[job.operation].announce(job, self._tools.cloud)
        except CloudRefusedError as error:
            log.warning("completion_not_delivered job=%s reason=%s", job.job_id, error)
