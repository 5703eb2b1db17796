"""Tests of the daily budget, which each worker computes from the topics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

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
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline import DEFAULT_STAGES
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, asset, envelope, job_finished, ready, received
from tests.support.stages import get_stages

LATER = NOW + timedelta(hours=1)
TOKEN = "labels-" + "0" * 40
VIDEO: dict[str, Any] = {"kind": "video", "duration_seconds": 600.0}
[LABELS] = get_stages(["labels"])


def labelled(key: str = "photos/cat.jpg", usd: float = 0.5, time: datetime = LATER, id_: str = "r1") -> ProducerRecord:
    pointer = Pointer(bucket="", key="", size=0, sha256="", content_type="")
    charges = (Charge(service="rekognition", operation="DetectLabels", units=1, unit="image", usd=usd),)
    event = MediaLabelled(asset=asset(key), labels=(), label_count=0, model="m", result=pointer, charges=charges)
    return produced(event, id=id_, source="headrace/labels", time=timestamp(time))


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
    return produced(job, time=timestamp(at))


def produced(event: Event, **changes: str) -> ProducerRecord:
    return to_producer_record(event, envelope(event, **changes), CODEC)


def take_all(day: DailyBudget, *messages: ProducerRecord) -> DailyBudget:
    for each in messages:
        day.take(each.value or b"", each.headers)
    return day


def day(limit: float = 10.0, *messages: ProducerRecord) -> DailyBudget:
    return take_all(DailyBudget(limit, CODEC, PRICES), *messages)


async def test_counts_spending_of_other_workers() -> None:
    services, results = FakeServices(), ResultsStore(MemoryBucket())
    context = RunnerContext(
        CODEC, results, services.services(results), UnlimitedSlots(), PRICES, lambda: NOW, day=day(0.5)
    )
    assert isinstance(await Runner(LABELS, context).run(received(ready())), Done)
    assert context.day is not None
    take_all(context.day, labelled("another.jpg", 0.4995, NOW))

    rejected = await Runner(LABELS, context).run(received(ready(asset("third.jpg"))))

    assert isinstance(rejected, Dead)
    assert rejected.code == "budget"
    assert (
        "daily budget of $0.5 exceeded: $0.5005 spent or reserved today (UTC), this call costs $0.0010" in rejected.why
    )
    assert services.asked("detect") == 1


async def test_job_started_contains_the_estimated_cost() -> None:
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, FakeServices().services(results), UnlimitedSlots(), PRICES, lambda: NOW)
    done = await Runner(LABELS, context).run(received(ready(**VIDEO)))
    assert isinstance(done, Done)
    [sent] = done.events
    job = CODEC.decode(sent.value or b"")
    assert isinstance(job, JobStarted)
    assert job.usd == pytest.approx(1.0)


def test_counts_a_duplicate_result_once() -> None:
    assert day(10, labelled(), labelled()).spent(LATER) == 0.5


def test_replayed_results_of_earlier_days_do_not_count() -> None:
    old = labelled(time=NOW - timedelta(days=1), id_="r0")
    assert day(10, labelled(time=NOW), old).spent(NOW) == 0.5
    assert day(10, old).spent(NOW) == 0.0


def test_spending_resets_on_the_next_day() -> None:
    budget = day(0.0005, labelled(time=NOW))
    with pytest.raises(PermanentError):
        budget.reserve(LABELS, ready(), NOW)
    tomorrow = NOW + timedelta(days=1)
    assert budget.spent(tomorrow) == 0.0


def test_job_counts_with_its_estimate_until_its_result() -> None:
    budget = day(10, started(1.0))
    assert budget.spent(NOW) == 1.0
    take_all(budget, produced(job_finished(TOKEN), time=timestamp(NOW)))
    assert budget.spent(NOW) == 1.0
    take_all(budget, labelled(usd=0.8))
    assert budget.spent(LATER) == 0.8


def test_job_started_yesterday_counts_today() -> None:
    assert day(10, started(at=NOW - timedelta(hours=5))).spent(NOW) == 1.0


def test_failed_and_overdue_jobs_do_not_count() -> None:
    assert day(10, started(), produced(job_finished(TOKEN, status="failed"), time=timestamp(NOW))).spent(NOW) == 0.0
    assert day(10, started()).spent(NOW + timedelta(hours=6)) == 0.0


@given(st.permutations([started(), produced(job_finished(TOKEN), time=timestamp(NOW)), labelled(usd=0.8)]))
def test_order_of_records_does_not_matter(messages: list[ProducerRecord]) -> None:
    assert day(10, *messages).spent(LATER) == 0.8


@given(st.permutations([started(), produced(job_finished(TOKEN, status="failed"), time=timestamp(NOW))]))
def test_failure_may_arrive_before_the_start(messages: list[ProducerRecord]) -> None:
    assert day(10, *messages).spent(NOW) == 0.0


def test_new_job_for_an_asset_with_a_result_counts() -> None:
    assert day(10, labelled(time=NOW), started(1.0, LATER)).spent(LATER) == 1.5


def test_reserves_calls_of_this_worker_before_they_are_made() -> None:
    budget = day(0.0025)
    budget.reserve(LABELS, ready(asset("1")), NOW)
    budget.reserve(LABELS, ready(asset("2")), NOW)
    with pytest.raises(PermanentError) as rejected:
        budget.reserve(LABELS, ready(asset("3")), NOW)
    assert rejected.value.code == "budget"


def test_another_attempt_of_a_call_is_not_counted_twice() -> None:
    budget = day(0.001)
    for _ in range(3):
        budget.reserve(LABELS, ready(), NOW)
    assert budget.spent(NOW) == 0.001


def test_reservation_without_a_result_expires_after_the_deadline() -> None:
    budget = day()
    budget.reserve(LABELS, ready(), NOW)
    assert budget.spent(NOW + timedelta(seconds=LABELS.deadline_seconds)) == 0.0


def test_free_stages_ignore_the_budget() -> None:
    budget = day(0.1, labelled(usd=5.0))
    budget.reserve(get_stages(["ready"])[0], ready(), LATER)


def test_ignores_undecodable_records() -> None:
    budget = day()
    budget.take(b"garbage", ())
    budget.take(labelled().value or b"", ())
    assert budget.spent(NOW) == 0.0


def test_reads_paid_results_and_jobs_since_midnight_less_the_deadline() -> None:
    names = [topic.name for topic in followed_topics(DEFAULT_STAGES)]
    assert names == ["media.labelled", "media.moderated", "media.transcribed", "jobs.started", "jobs.finished"]
    assert start_of_day(DEFAULT_STAGES, NOW) == datetime.fromisoformat("2026-03-13T18:00:00Z").timestamp()
