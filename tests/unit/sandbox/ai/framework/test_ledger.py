"""The ledger of calls and jobs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.sandbox.ai.framework.ledger import (
    SUCCEEDED,
    JobSubject,
    Ledger,
    LedgerCall,
    LedgerJob,
    TooManyJobsError,
)

JOB = LedgerJob(
    "id-1", "rekognition", "StartLabelDetection", "media/a.mp4", "token", {"MinConfidence": 50}, started_at=100.0
)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(None)


def begin(ledger: Ledger, job: LedgerJob, since: float = 0.0, limit: int = 20) -> tuple[LedgerJob, bool]:
    return ledger.begin(job, since, limit)


def test_token_begins_one_job(ledger: Ledger) -> None:
    assert begin(ledger, JOB) == (JOB, True)
    assert begin(ledger, replace(JOB, job_id="id-2", request={})) == (JOB, False)
    assert [job.job_id for job in ledger.jobs("rekognition")] == ["id-1"]


def test_tokens_are_scoped_by_operation(ledger: Ledger) -> None:
    begin(ledger, JOB)
    assert begin(ledger, replace(JOB, job_id="id-2", operation="StartContentModeration"))[1]


def test_expired_token_begins_a_new_job(ledger: Ledger) -> None:
    begin(ledger, JOB)
    assert begin(ledger, replace(JOB, job_id="id-2", started_at=200.0), since=100.0)[1]


def test_jobs_without_a_token_are_new(ledger: Ledger) -> None:
    assert all(begin(ledger, replace(JOB, job_id=f"id-{n}", token=None))[1] for n in range(3))


def test_concurrent_use_of_a_token_begins_one_job(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(lambda n: begin(ledger, replace(JOB, job_id=f"id-{n}")), range(50)))
    assert len({job.job_id for job, _ in begun}) == 1
    assert sum(is_new for _, is_new in begun) == 1


def test_limits_concurrent_jobs_of_a_service(ledger: Ledger) -> None:
    begin(ledger, JOB, limit=1)
    with pytest.raises(TooManyJobsError):
        begin(ledger, replace(JOB, job_id="id-2", token=None), limit=1)
    assert begin(ledger, JOB, limit=1) == (JOB, False)
    assert begin(ledger, replace(JOB, job_id="id-3", service="transcribe"), limit=1)[1]
    ledger.finish(replace(JOB, status=SUCCEEDED, finished_at=101.0))
    assert begin(ledger, replace(JOB, job_id="id-4", token=None), limit=1)[1]


def test_deleted_job_frees_its_name_and_stays_in_the_ledger(ledger: Ledger) -> None:
    begin(ledger, JOB)
    ledger.delete(JOB, at=105.0)
    assert ledger.job("rekognition", "id-1") is None
    assert begin(ledger, replace(JOB, started_at=106.0))[1]
    assert ledger.report({}, 10)["jobs_unique"] == 2


def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    done = replace(JOB, job_id="id-2", token=None)
    before = Ledger(tmp_path / "ai.sqlite")
    begin(before, JOB)
    begin(before, done)
    ended = replace(done, status=SUCCEEDED, result={"Labels": ["Blue"]}, finished_at=101.0)
    before.finish(ended)
    before.close()
    after = Ledger(tmp_path / "ai.sqlite")
    assert after.unfinished() == [JOB, ended]
    after.announced(done, at=102.0)
    assert after.unfinished() == [JOB]
    assert after.job("rekognition", "id-2") == replace(ended, announced_at=102.0)


@pytest.mark.parametrize("operation", ["StartLabelDetection", "CreateJob", "InvokeDataAutomationAsync"])
def test_report_counts_starts_and_unique_jobs(ledger: Ledger, operation: str) -> None:
    begin(ledger, JOB)
    subject = JobSubject("media/a.mp4", "token", "id-1")
    for outcome, took_effect in (("ok", True), ("InternalServerError", True), ("ThrottlingException", False)):
        ledger.record(LedgerCall(1.0, "rekognition", operation, subject, outcome, took_effect, 0.1))
    ledger.record(LedgerCall(1.0, "rekognition", "GetLabelDetection", JobSubject(job_id="id-1"), "ok", True, 0.1))
    report = ledger.report({}, 10)
    assert (report["jobs_started"], report["jobs_unique"]) == (2, 1)
    assert report["outcomes"] == {"InternalServerError": 1, "ThrottlingException": 1, "ok": 2}


def test_report_is_filtered_and_limited(ledger: Ledger) -> None:
    for n in range(5):
        begin(ledger, replace(JOB, job_id=f"id-{n}", token=None, asset=f"media/{n % 2}.mp4"))
    report = ledger.report({"asset": "media/1.mp4"}, 1)
    assert (report["jobs_unique"], [job["job_id"] for job in report["jobs"]]) == (2, ["id-3"])
