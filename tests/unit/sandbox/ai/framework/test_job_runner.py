"""Jobs from start to announcement, on a real ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio import to_thread

from headrace.sandbox.ai.framework import job_runner as jobs
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError, CloudUnreachableError
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.faults import Fault, Faults
from headrace.sandbox.ai.framework.job_runner import JobKind, JobRunner, JobTools
from headrace.sandbox.ai.framework.ledger import FAILED, SUCCEEDED, Ledger, LedgerJob

JOB = LedgerJob("id-1", "rekognition", "Start", "media/a.mp4", "token", {})
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Bench:
    """A job runner with `work` for its jobs, and the announced jobs."""

    def __init__(self, work: Callable[[LedgerJob, AwsClients], dict[str, Any]], ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger(None)
        self.faults = Faults()
        self.announced: list[LedgerJob] = []
        self.announce_errors: list[Exception] = []
        tools = JobTools(self.ledger, AwsClients(**KEYS), self.faults, time.time, seconds=0.0)
        self.jobs = JobRunner({"Start": JobKind(work, self._announce)}, tools)

    def _announce(self, job: LedgerJob, _: AwsClients) -> None:
        if self.announce_errors:
            raise self.announce_errors.pop()
        self.announced.append(job)

    async def run(self, *jobs: LedgerJob) -> None:
        """Start `jobs` and run them and the unfinished jobs to completion."""
        async with anyio.create_task_group() as tasks:
            self.jobs.open(tasks)
            for job in jobs:
                await to_thread.run_sync(self.jobs.start, job, 0.0, 20)

    def ended(self) -> LedgerJob:
        job = self.ledger.job("rekognition", "id-1")
        assert job is not None
        return job


def blue_label(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
    return {"Labels": ["Blue"]}


async def test_job_is_run_stored_and_announced() -> None:
    bench = Bench(blue_label)
    await bench.run(JOB)
    assert (bench.ended().status, bench.ended().result) == (SUCCEEDED, {"Labels": ["Blue"]})
    assert [job.status for job in bench.announced] == [SUCCEEDED]
    assert bench.ledger.unfinished() == []


async def test_repeated_token_runs_one_job() -> None:
    bench = Bench(blue_label)
    await bench.run(JOB, JOB)
    assert len(bench.announced) == 1


async def test_unprocessable_media_fails_the_job() -> None:
    def reject(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
        raise UnprocessableMediaError("InvalidVideoFormat: no video.")

    bench = Bench(reject)
    await bench.run(JOB)
    assert (bench.ended().status, bench.ended().reason) == (FAILED, "InvalidVideoFormat: no video.")
    assert [job.status for job in bench.announced] == [FAILED]


async def test_unexpected_exception_fails_the_job_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
        raise ZeroDivisionError

    bench = Bench(fail)
    await bench.run(JOB)
    assert bench.ended().status == FAILED
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("kind", "times"), [("lost_completion", 0), ("duplicate_completion", 2), ("late_completion", 1)]
)
async def test_injects_completion_faults(kind: Any, times: int) -> None:
    bench = Bench(blue_label)
    bench.faults.add(Fault("Start", kind, seconds=0.01))
    await bench.run(JOB)
    assert len(bench.announced) == times
    assert bench.ledger.unfinished() == []


async def test_injected_job_failure_skips_the_work() -> None:
    bench = Bench(lambda *_: pytest.fail("worked on"))
    bench.faults.add(Fault("*", "fail_job", reason="The moon is full."))
    await bench.run(JOB)
    assert (bench.ended().status, bench.ended().reason) == (FAILED, "The moon is full.")


async def test_resumes_unfinished_jobs_without_repeating_work() -> None:
    ledger = Ledger(None)
    for number in (1, 2):
        ledger.begin(replace(JOB, job_id=f"id-{number}", token=None), 0.0, 20)
    ledger.finish(replace(JOB, job_id="id-2", status=SUCCEEDED, result={"Labels": ["Grey"]}, finished_at=1.0))
    bench = Bench(blue_label, ledger)
    await bench.run()
    assert {job.job_id: job.result for job in bench.announced} == {
        "id-1": {"Labels": ["Blue"]},
        "id-2": {"Labels": ["Grey"]},
    }
    assert ledger.unfinished() == []


async def test_retries_while_other_services_are_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RETRY_SECONDS", 0.01)
    errors = [CloudUnreachableError("no answer"), CloudUnreachableError("no answer")]

    def work(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
        if errors:
            raise errors.pop()
        return {}

    bench = Bench(work)
    bench.announce_errors = [CloudUnreachableError("no answer")]
    await bench.run(JOB)
    assert [job.status for job in bench.announced] == [SUCCEEDED]


async def test_missing_topic_ends_the_announcement(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(blue_label)
    bench.announce_errors = [CloudRefusedError("no such topic")]
    await bench.run(JOB)
    assert (bench.announced, bench.ledger.unfinished()) == ([], [])
    assert "no such topic" in caplog.text
