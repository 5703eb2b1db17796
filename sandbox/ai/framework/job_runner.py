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
    """How jobs of one operation are worked on (raises `Unprocessable`) and how their end is made known."""

    work: Callable[[LedgerJob, AwsClients], dict[str, Any]]
    announce: Callable[[LedgerJob, AwsClients], None]


@dataclass(frozen=True, slots=True)
class JobTools:
    """What jobs are run with. `seconds` is how long a job takes at least."""

    ledger: Ledger
    cloud: AwsClients
    faults: Faults
    clock: Callable[[], float]
    seconds: float


class JobRunner:
    """Starts jobs and sees each one through: work, wait until it is due, write down, announce."""

    def __init__(self, kinds: Mapping[str, JobKind], tools: JobTools) -> None:
        self._kinds = kinds
        self._tools = tools
        self._tasks: TaskGroup | None = None
        self._engines = CapacityLimiter(ENGINES_AT_A_TIME)

    def open(self, tasks: TaskGroup) -> None:
        """Run jobs in `tasks` from now on, first those that an earlier process left unfinished."""
        self._tasks = tasks
        for job in self._tools.ledger.unfinished():
            self._spawn(job)

    def start(self, job: LedgerJob, since: float, limit: int) -> tuple[LedgerJob, bool]:
        """`job` and True, running; or the one begun under its token after `since`, and False.

        Call it from a worker thread. Raises `TooManyJobs` at `limit` running jobs of the service.
        """
        now = self._tools.clock()
        job = replace(job, started_at=now, due_at=now + self._tools.seconds)
        job, is_new = self._tools.ledger.begin(job, since, limit)
        if is_new:
            from_thread.run_sync(self._spawn, job)
        return job, is_new

    def _spawn(self, job: LedgerJob) -> None:
        if self._tasks is None:
            raise RuntimeError("jobs run between open() and the end of its tasks")
        self._tasks.start_soon(self._run, job)

    async def _run(self, job: LedgerJob) -> None:
        if job.status == RUNNING:
            job = await self._insist(self._work, job, limiter=self._engines)
            await anyio.sleep(max(0.0, job.due_at - self._tools.clock()))
            job = replace(job, finished_at=self._tools.clock())
            await to_thread.run_sync(self._tools.ledger.finish, job)
        await self._announce(job)

    async def _insist(self, step: Callable[..., Result], *given: object, limiter: CapacityLimiter | None) -> Result:
        """Run a step and retry while the other services are unreachable; they may start later."""
        while True:
            try:
                return await to_thread.run_sync(step, *given, limiter=limiter)
            except CloudUnreachableError as error:
                log.warning("will be tried again: %s", error)
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
        except Exception:  # a job that dies would never end for its caller: it fails, and the log says why
            log.exception("job %s of %s failed", job.job_id, job.operation)
            return replace(job, status=FAILED, reason="InternalError: the service failed, see its log.")
        return replace(job, status=SUCCEEDED, result=result)

    async def _announce(self, job: LedgerJob) -> None:
        strike = self._tools.faults.should_fail
        if late := strike(job.operation, "late_completion"):
            await anyio.sleep(late.seconds)
        times = 2 if strike(job.operation, "duplicate_completion") else 1
        times = 0 if strike(job.operation, "lost_completion") else times
        for _ in range(times):
            await self._insist(self._tell, job, limiter=None)
        await to_thread.run_sync(self._tools.ledger.announced, job, self._tools.clock())

    def _tell(self, job: LedgerJob) -> None:
        try:
            self._kinds[job.operation].announce(job, self._tools.cloud)
        except CloudRefusedError as error:
            log.warning("nobody hears of the end of job %s: %s", job.job_id, error)
