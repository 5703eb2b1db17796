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
    """A job runner with `work` for its jobs, and who was told of their ends."""

    def __init__(self, work: Callable[[LedgerJob, AwsClients], dict[str, Any]], ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger(None)
        self.faults = Faults()
        self.told: list[LedgerJob] = []
        self.deaf: list[Exception] = []
        tools = JobTools(self.ledger, AwsClients(**KEYS), self.faults, time.time, seconds=0.0)
        self.jobs = JobRunner({"Start": JobKind(work, self._announce)}, tools)

    def _announce(self, job: LedgerJob, _: AwsClients) -> None:
        if self.deaf:
            raise self.deaf.pop()
        self.told.append(job)

    async def run(self, *jobs: LedgerJob) -> None:
        """Start `jobs` and see all through, with those that were left unfinished."""
        async with anyio.create_task_group() as tasks:
            self.jobs.open(tasks)
            for job in jobs:
                await to_thread.run_sync(self.jobs.start, job, 0.0, 20)

    def ended(self) -> LedgerJob:
        job = self.ledger.job("rekognition", "id-1")
        assert job is not None
        return job


def found(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
    return {"Labels": ["Blue"]}


async def test_a_job_is_worked_on_written_down_and_announced() -> None:
    bench = Bench(found)
    await bench.run(JOB)
    assert (bench.ended().status, bench.ended().result) == (SUCCEEDED, {"Labels": ["Blue"]})
    assert [job.status for job in bench.told] == [SUCCEEDED]
    assert bench.ledger.unfinished() == []


async def test_a_token_given_twice_runs_once() -> None:
    bench = Bench(found)
    await bench.run(JOB, JOB)
    assert len(bench.told) == 1


async def test_media_that_cannot_be_worked_on_fails_the_job() -> None:
    def refuse(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
        raise UnprocessableMediaError("InvalidVideoFormat: no video.")

    bench = Bench(refuse)
    await bench.run(JOB)
    assert (bench.ended().status, bench.ended().reason) == (FAILED, "InvalidVideoFormat: no video.")
    assert [job.status for job in bench.told] == [FAILED]


async def test_a_bug_of_ours_fails_the_job_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    def stumble(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
        raise ZeroDivisionError

    bench = Bench(stumble)
    await bench.run(JOB)
    assert bench.ended().status == FAILED
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("kind", "times"), [("lost_completion", 0), ("duplicate_completion", 2), ("late_completion", 1)]
)
async def test_completions_go_wrong_on_demand(kind: Any, times: int) -> None:
    bench = Bench(found)
    bench.faults.add(Fault("Start", kind, seconds=0.01))
    await bench.run(JOB)
    assert len(bench.told) == times
    assert bench.ledger.unfinished() == []


async def test_a_job_fails_on_demand_without_being_worked_on() -> None:
    bench = Bench(lambda *_: pytest.fail("worked on"))
    bench.faults.add(Fault("*", "fail_job", reason="The moon is full."))
    await bench.run(JOB)
    assert (bench.ended().status, bench.ended().reason) == (FAILED, "The moon is full.")


async def test_what_was_left_unfinished_goes_on_and_nothing_is_worked_on_twice() -> None:
    ledger = Ledger(None)
    for number in (1, 2):
        ledger.begin(replace(JOB, job_id=f"id-{number}", token=None), 0.0, 20)
    ledger.finish(replace(JOB, job_id="id-2", status=SUCCEEDED, result={"Labels": ["Grey"]}, finished_at=1.0))
    bench = Bench(found, ledger)
    await bench.run()
    assert {job.job_id: job.result for job in bench.told} == {
        "id-1": {"Labels": ["Blue"]},
        "id-2": {"Labels": ["Grey"]},
    }
    assert ledger.unfinished() == []


async def test_a_cloud_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RETRY_SECONDS", 0.01)
    away = [CloudUnreachableError("no answer"), CloudUnreachableError("no answer")]

    def work(_: LedgerJob, __: AwsClients) -> dict[str, Any]:
        if away:
            raise away.pop()
        return {}

    bench = Bench(work)
    bench.deaf = [CloudUnreachableError("no answer")]
    await bench.run(JOB)
    assert [job.status for job in bench.told] == [SUCCEEDED]


async def test_a_topic_that_is_not_there_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(found)
    bench.deaf = [CloudRefusedError("no such topic")]
    await bench.run(JOB)
    assert (bench.told, bench.ledger.unfinished()) == ([], [])
    assert "no such topic" in caplog.text
