"""A day's budget over all workers: each knows from the log what the others have spent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import Charge, Event, JobStarted, MediaLabelled, Pointer
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.costs.daily_budget import DailyBudget, followed_topics, start_of_day
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError
from headrace.streams.limits.job_slots import JobSlots
from headrace.streams.pipeline import DEFAULT_STAGES, get_stages
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import CODEC, NOW, asset, envelope, job_finished, ready, received

LATER = NOW + timedelta(hours=1)
TOKEN = "labels-" + "0" * 40
VIDEO = {"kind": "video", "duration_seconds": 600.0}
[LABELS] = get_stages(["labels"])


def labelled(key: str = "photos/cat.jpg", usd: float = 0.5, time: datetime = LATER, id_: str = "r1") -> ProducerRecord:
    nowhere = Pointer(bucket="", key="", size=0, sha256="", content_type="")
    charges = (Charge(service="rekognition", operation="DetectLabels", units=1, unit="image", usd=usd),)
    event = MediaLabelled(asset=asset(key), labels=(), label_count=0, model="m", result=nowhere, charges=charges)
    return told(event, id=id_, source="headrace/labels", time=timestamp(time))


def started(usd: float | None = 1.0, at: datetime = NOW) -> ProducerRecord:
    job = JobStarted(
        asset=asset(),
        stage="labels",
        token=TOKEN,
        partition=0,
        service="rekognition",
        operation="StartLabelDetection",
        job_id="j",
        usd=usd,
        started_at=at,
        deadline_at=at + timedelta(hours=6),
    )
    return told(job, time=timestamp(at))


def told(event: Event, **changes: str) -> ProducerRecord:
    return to_producer_record(event, envelope(event, **changes), CODEC)


def learn(day: DailyBudget, *messages: ProducerRecord) -> DailyBudget:
    for each in messages:
        day.take(each.value or b"", each.headers)
    return day


def day(limit: float = 10.0, *messages: ProducerRecord) -> DailyBudget:
    return learn(DailyBudget(limit, CODEC), *messages)


async def test_what_another_worker_spent_leaves_less_for_this_one() -> None:
    outside, results = FakeServices(), ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, outside.services(results), JobSlots({}, 1), lambda: NOW, day=day(0.5))
    assert isinstance(await Runner(LABELS, context).run(received(ready())), Done)
    assert context.day is not None
    learn(context.day, labelled("another.jpg", 0.4995, NOW))

    refused = await Runner(LABELS, context).run(received(ready(asset("third.jpg"))))

    assert isinstance(refused, Dead)
    assert refused.code == "budget"
    assert (
        "$0.5005 are spent today (UTC) or under way and this is $0.0010 more, the budget of a day is $0.5"
        in refused.why
    )
    assert outside.asked("detect") == 1


async def test_a_start_says_what_the_job_was_reckoned_to_cost() -> None:
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, FakeServices().services(results), JobSlots({}, 1), lambda: NOW)
    done = await Runner(LABELS, context).run(received(ready(**VIDEO)))
    assert isinstance(done, Done)
    [sent] = done.events
    assert CODEC.decode(sent.value or b"").usd == pytest.approx(1.0)


def test_a_result_counts_once_however_often_it_is_told_of() -> None:
    assert day(10, labelled(), labelled()).spent(LATER) == 0.5


def test_a_replay_of_old_results_costs_nothing() -> None:
    old = labelled(time=NOW - timedelta(days=1), id_="r0")
    assert day(10, labelled(time=NOW), old).spent(NOW) == 0.5
    assert day(10, old).spent(NOW) == 0.0


def test_the_next_day_begins_with_nothing_paid() -> None:
    found = day(0.0005, labelled(time=NOW))
    with pytest.raises(PermanentError):
        found.reserve(LABELS, ready(), NOW)
    tomorrow = NOW + timedelta(days=1)
    assert found.spent(tomorrow) == 0.0


def test_a_job_at_work_counts_with_its_estimate_and_then_with_its_result() -> None:
    found = day(10, started(1.0))
    assert found.spent(NOW) == 1.0
    learn(found, told(job_finished(TOKEN), time=timestamp(NOW)))
    assert found.spent(NOW) == 1.0
    learn(found, labelled(usd=0.8))
    assert found.spent(LATER) == 0.8


def test_a_job_that_began_yesterday_counts_today() -> None:
    assert day(10, started(at=NOW - timedelta(hours=5))).spent(NOW) == 1.0


def test_a_job_that_failed_or_is_past_its_deadline_counts_no_longer() -> None:
    assert day(10, started(), told(job_finished(TOKEN, status="failed"), time=timestamp(NOW))).spent(NOW) == 0.0
    assert day(10, started()).spent(NOW + timedelta(hours=6)) == 0.0


@given(st.permutations([started(), told(job_finished(TOKEN), time=timestamp(NOW)), labelled(usd=0.8)]))
def test_topics_have_no_order_between_them(messages: list[ProducerRecord]) -> None:
    assert day(10, *messages).spent(LATER) == 0.8


@given(st.permutations([started(), told(job_finished(TOKEN, status="failed"), time=timestamp(NOW))]))
def test_a_failure_may_be_heard_of_before_its_start(messages: list[ProducerRecord]) -> None:
    assert day(10, *messages).spent(NOW) == 0.0


def test_a_new_job_for_what_has_a_result_counts_again() -> None:
    assert day(10, labelled(time=NOW), started(1.0, LATER)).spent(LATER) == 1.5


def test_calls_of_this_worker_see_each_other_before_they_are_made() -> None:
    found = day(0.0025)
    found.reserve(LABELS, ready(asset("1")), NOW)
    found.reserve(LABELS, ready(asset("2")), NOW)
    with pytest.raises(PermanentError) as refused:
        found.reserve(LABELS, ready(asset("3")), NOW)
    assert refused.value.code == "budget"


def test_another_try_of_the_same_call_is_not_counted_twice() -> None:
    found = day(0.001)
    for _ in range(3):
        found.reserve(LABELS, ready(), NOW)
    assert found.spent(NOW) == 0.001


def test_a_call_that_came_to_nothing_is_let_go_after_the_deadline() -> None:
    found = day()
    found.reserve(LABELS, ready(), NOW)
    assert found.spent(NOW + timedelta(seconds=LABELS.deadline_seconds)) == 0.0


def test_stages_that_cost_nothing_go_on() -> None:
    found = day(0.1, labelled(usd=5.0))
    found.reserve(get_stages(["ready"])[0], ready(), LATER)


def test_what_is_no_event_is_passed_over() -> None:
    found = day()
    found.take(b"garbage", ())
    found.take(labelled().value or b"", ())
    assert found.spent(NOW) == 0.0


def test_what_is_followed_are_all_paid_results_and_jobs_since_midnight_or_longer() -> None:
    names = [topic.name for topic in followed_topics(DEFAULT_STAGES)]
    assert names == ["media.labelled", "media.moderated", "media.transcribed", "jobs.started", "jobs.finished"]
    assert start_of_day(DEFAULT_STAGES, NOW) == datetime.fromisoformat("2026-03-13T18:00:00Z").timestamp()
