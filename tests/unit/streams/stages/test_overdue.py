"""Tests that a job without a completion event is looked up when it is due, and fails at its deadline."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from headrace.schemas.cloudevents import from_headers
from headrace.schemas.ids import job_end_id
from headrace.schemas.records import JobFinished, JobStarted, StageFailure
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Done, Outcome, PauseStage, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import OutageError, PermanentError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.stages.overdue import overdue_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, asset, envelope, job_finished, ready, received

JOB = JobStarted(
    asset=asset(),
    stage="labels",
    token="labels-" + "0" * 40,
    partition=0,
    service="rekognition",
    operation="StartLabelDetection",
    job_id="j1",
    started_at=NOW,
    deadline_at=NOW + timedelta(hours=6),
)


class Jobs:
    """A job service that returns or raises `result`, and counts its calls."""

    def __init__(self) -> None:
        self.result: JobFinished | Exception | None = None
        self.calls = 0

    async def completion_of(self, job: JobStarted) -> JobFinished | None:
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class OverdueStage:
    """The stage with a clock that the test sets."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.bucket = MemoryBucket()
        self.results = ResultsStore(self.bucket)

    async def check(self, after: timedelta) -> Outcome:
        def clock() -> datetime:
            return NOW + after

        services = FakeServices(more=self.jobs).services(self.results)
        context = RunnerContext(CODEC, self.results, services, UnlimitedSlots(), PRICES, clock=clock)
        return await Runner(overdue_stage(after=900.0, clock=clock), context).run(received(JOB))

    async def completion(self, after: timedelta) -> JobFinished:
        outcome = await self.check(after)
        assert isinstance(outcome, Done)
        [message] = outcome.events
        event = CODEC.decode(message.value)
        assert isinstance(event, JobFinished)
        assert from_headers(message.headers).id == job_end_id("rekognition", "j1", JOB.token, event.status)
        return event


@pytest.fixture
def stage() -> OverdueStage:
    return OverdueStage()


async def test_job_is_not_looked_up_before_it_is_due(stage: OverdueStage) -> None:
    outcome = await stage.check(timedelta(seconds=100))
    assert isinstance(outcome, Retry)
    assert (outcome.after, outcome.counts, outcome.code) == (800.0, False, "not_yet")
    assert stage.jobs.calls == 0


async def test_lost_completion_event_has_the_id_of_the_original(stage: OverdueStage) -> None:
    stage.jobs.result = job_finished(JOB.token)
    assert (await stage.completion(timedelta(seconds=900))).status == "succeeded"
    assert stage.jobs.calls == 1


async def test_running_job_is_due_again_after_twice_the_time(stage: OverdueStage) -> None:
    first, second = await stage.check(timedelta(seconds=900)), await stage.check(timedelta(seconds=1800))
    assert isinstance(first, Retry)
    assert isinstance(second, Retry)
    assert (first.after, second.after) == (900.0, 1800.0)


async def test_last_lookup_is_at_the_deadline(stage: OverdueStage) -> None:
    outcome = await stage.check(timedelta(hours=5))
    assert isinstance(outcome, Retry)
    assert outcome.after == 3600.0


async def test_job_times_out_at_its_deadline(stage: OverdueStage) -> None:
    event = await stage.completion(timedelta(hours=6))
    assert (event.status, event.code) == ("failed", "timeout")
    assert "j1" in (event.message or "")


async def test_job_unknown_to_its_service_has_failed(stage: OverdueStage) -> None:
    stage.jobs.result = PermanentError("ResourceNotFoundException", "Could not find JobId")
    assert (await stage.completion(timedelta(hours=1))).code == "ResourceNotFoundException"


async def test_job_of_a_finished_stage_is_not_looked_up(stage: OverdueStage) -> None:
    failure = StageFailure(stage="labels", code="job_failed", reason="")
    await stage.results.put_failure(asset(), "labels@1", failure)
    outcome = await stage.check(timedelta(hours=1))
    assert outcome == Done(how="skipped", why="its stage has recorded the end of the job")
    await stage.results.put(asset(), "labels@1", ready(), envelope(ready()), "cause")
    assert isinstance(await stage.check(timedelta(hours=1)), Done)
    assert stage.jobs.calls == 0


async def test_job_of_a_superseded_version_is_looked_up(stage: OverdueStage) -> None:
    newer = asset(version="e2", sequencer="0B")
    await stage.results.put(newer, "labels@1", ready(), envelope(ready()), "cause")
    stage.jobs.result = job_finished(JOB.token)
    assert (await stage.completion(timedelta(hours=1))).token == JOB.token


async def test_pauses_while_the_service_is_unavailable(stage: OverdueStage) -> None:
    stage.jobs.result = OutageError("no credentials")
    assert isinstance(await stage.check(timedelta(hours=1)), PauseStage)
