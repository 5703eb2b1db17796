"""A job whose end nobody told of is looked after: asked for once when it is due, and given up at its deadline."""

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
from headrace.streams.limits.job_slots import JobSlots
from headrace.streams.results import ResultsStore
from headrace.streams.stages.overdue import overdue_stage
from tests.support.fake_services import FakeServices, MemoryBucket
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
    """The services, which answer what they are told to; `asked` counts the calls."""

    def __init__(self) -> None:
        self.answer: JobFinished | Exception | None = None
        self.asked = 0

    async def completion_of(self, job: JobStarted) -> JobFinished | None:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Watch:
    """The stage, at a time of the test's choice."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.bucket = MemoryBucket()
        self.results = ResultsStore(self.bucket)

    async def look(self, after: timedelta) -> Outcome:
        def clock() -> datetime:
            return NOW + after

        services = FakeServices(more=self.jobs).services(self.results)
        context = RunnerContext(CODEC, self.results, services, JobSlots({}, 1), clock=clock)
        return await Runner(overdue_stage(after=900.0, clock=clock), context).run(received(JOB))

    async def told(self, after: timedelta) -> JobFinished:
        outcome = await self.look(after)
        assert isinstance(outcome, Done)
        [message] = outcome.events
        event = CODEC.decode(message.value)
        assert isinstance(event, JobFinished)
        assert from_headers(message.headers).id == job_end_id("rekognition", "j1", JOB.token, event.status)
        return event


@pytest.fixture
def watch() -> Watch:
    return Watch()


async def test_a_job_that_has_just_begun_waits_until_it_is_due_and_nobody_is_asked(watch: Watch) -> None:
    outcome = await watch.look(timedelta(seconds=100))
    assert isinstance(outcome, Retry)
    assert (outcome.after, outcome.counts, outcome.code) == (800.0, False, "not_yet")
    assert watch.jobs.asked == 0


async def test_a_lost_completion_is_told_with_the_id_that_it_would_have_had(watch: Watch) -> None:
    watch.jobs.answer = job_finished(JOB.token)
    assert (await watch.told(timedelta(seconds=900))).status == "succeeded"
    assert watch.jobs.asked == 1


async def test_a_job_that_still_runs_is_due_again_after_twice_the_time(watch: Watch) -> None:
    first, second = await watch.look(timedelta(seconds=900)), await watch.look(timedelta(seconds=1800))
    assert isinstance(first, Retry)
    assert isinstance(second, Retry)
    assert (first.after, second.after) == (900.0, 1800.0)


async def test_no_look_is_later_than_the_deadline(watch: Watch) -> None:
    outcome = await watch.look(timedelta(hours=5))
    assert isinstance(outcome, Retry)
    assert outcome.after == 3600.0


async def test_at_its_deadline_a_job_has_timed_out(watch: Watch) -> None:
    ended = await watch.told(timedelta(hours=6))
    assert (ended.status, ended.code) == ("failed", "timeout")
    assert "j1" in (ended.message or "")


async def test_a_job_that_its_service_does_not_know_has_ended(watch: Watch) -> None:
    watch.jobs.answer = PermanentError("ResourceNotFoundException", "Could not find JobId")
    assert (await watch.told(timedelta(hours=1))).code == "ResourceNotFoundException"


async def test_a_job_whose_stage_has_ended_is_asked_for_by_nobody(watch: Watch) -> None:
    failure = StageFailure(stage="labels", code="job_failed", reason="")
    await watch.results.put_failure(asset(), "labels@1", failure)
    outcome = await watch.look(timedelta(hours=1))
    assert outcome == Done(how="skipped", why="its stage has recorded the end of the job")
    await watch.results.put(asset(), "labels@1", ready(), envelope(ready()), "cause")
    assert isinstance(await watch.look(timedelta(hours=1)), Done)
    assert watch.jobs.asked == 0


async def test_a_job_for_a_version_that_was_overtaken_is_asked_for_too_since_it_holds_a_slot(watch: Watch) -> None:
    newer = asset(version="e2", sequencer="0B")
    await watch.results.put(newer, "labels@1", ready(), envelope(ready()), "cause")
    watch.jobs.answer = job_finished(JOB.token)
    assert (await watch.told(timedelta(hours=1))).token == JOB.token


async def test_a_service_that_is_away_is_waited_for(watch: Watch) -> None:
    watch.jobs.answer = OutageError("no credentials")
    assert isinstance(await watch.look(timedelta(hours=1)), PauseStage)
