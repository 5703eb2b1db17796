"""Tests of the daily budget, which each worker computes from the topics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import parse_time
from headrace.schemas.records import Charge, Event, JobStarted, MediaLabelled, Pointer
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.costs.daily_budget import REPEAT_SECONDS, DailyBudget, followed_topics, start_of_day
from headrace.streams.costs.spending_snapshot import OpenCharge, SpendingSnapshot, newest, to_record
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline import DEFAULT_STAGES
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, arrived, asset, envelope, job_finished, raw, ready, received
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
        day.take(sent(each))
    return day


def sent(message: ProducerRecord, delay: float = 0.0, offset: int = 0) -> ConsumerRecord:
    """Return a record as a worker reads it that was sent some seconds after the time of its event."""
    time = parse_time(dict(message.headers)["ce_time"]).timestamp()
    return arrived(message, offset, timestamp=time + delay)


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
    budget.take(raw(b"garbage"))
    budget.take(raw(labelled().value))
    budget.take(raw(None))
    assert budget.spent(NOW) == 0.0


def restored(budget: DailyBudget, now: datetime) -> DailyBudget:
    """Return the budget of another worker that starts from a snapshot of this one, as it is on the log."""
    message = to_record(budget.snapshot(now))
    assert message is not None
    snapshot = newest([raw(b"{}"), arrived(message), raw(b"junk")])
    assert snapshot is not None
    other = day()
    other.restore(snapshot)
    return other


def test_snapshot_has_the_results_and_the_jobs_in_progress_of_all_workers() -> None:
    budget = day(10, labelled("a.jpg", 0.25, NOW), started(1.0))
    budget.reserve(LABELS, ready(asset("b.jpg")), NOW)  # a call of this worker
    assert budget.spent(NOW) == 1.251
    other = restored(budget, NOW)
    assert other.spent(NOW) == 1.25
    other.take(sent(labelled("c.jpg", 0.5, NOW, "r2"), offset=1))
    assert other.spent(NOW) == 1.75
    other.take(sent(labelled(usd=0.8, time=LATER, id_="r3"), offset=2))
    assert other.spent(LATER) == pytest.approx(1.55), "the result of the job replaces its estimate"


def test_records_before_a_snapshot_are_not_counted_again_and_recognise_repetitions() -> None:
    result = labelled("a.jpg", 0.25, NOW)
    other = restored(day(10, result), NOW)
    other.take(sent(result, 1.0))  # read again
    other.take(sent(result, 60.0, offset=1))  # sent again by another worker
    assert other.spent(NOW) == 0.25


def test_job_whose_result_is_read_again_after_a_snapshot_is_not_in_progress() -> None:
    job, result = started(1.0), labelled(usd=0.8, time=LATER)
    budget = day(10, result)
    other = restored(budget, LATER)
    other.take(sent(result))
    other.take(sent(job, 30.0))
    assert other.spent(LATER) == 0.8


def test_snapshot_of_yesterday_has_the_jobs_but_no_spending() -> None:
    other = restored(day(10, labelled(time=NOW), started(1.0, at=NOW)), NOW)
    tomorrow = NOW.replace(hour=0, minute=0) + timedelta(days=1)
    assert NOW + timedelta(hours=6) < tomorrow
    assert other.spent(tomorrow) == 0.0
    late = datetime(2026, 3, 14, 23, tzinfo=NOW.tzinfo)
    assert restored(day(10, started(1.0, at=late)), late).spent(tomorrow) == 1.0


def test_result_that_is_sent_again_long_after_its_time_is_not_counted_again() -> None:
    budget, result = day(), labelled(usd=0.5)
    budget.take(sent(result))
    budget.snapshot(LATER + timedelta(seconds=2 * REPEAT_SECONDS))  # forgets the id
    budget.take(sent(result, 2 * REPEAT_SECONDS, offset=1))
    assert budget.spent(LATER) == 0.5


def test_memory_does_not_grow_with_the_results_of_the_day() -> None:
    budget = day()
    for number in range(50):
        for each in range(20):
            time = NOW + timedelta(minutes=number)
            budget.take(sent(labelled(f"{number}/{each}.jpg", 0.01, time, f"{number}/{each}"), offset=number))
        budget.snapshot(NOW + timedelta(minutes=number))
    assert len(budget._counted) <= 20 * (REPEAT_SECONDS / 60 + 1)
    assert len(budget._ended) <= 20 * (REPEAT_SECONDS / 60 + 1)
    assert budget.spent(NOW) == pytest.approx(10.0)


@pytest.mark.parametrize("wrong", [b'{"usd": -1, "offsets": {}}', b'{"usd": 1e99, "offsets": {}}', b'{"usd": "1"}'])
def test_invalid_snapshot_is_ignored(wrong: bytes) -> None:
    value = b'{"day":"2026-03-14","at":"2026-03-14T15:09:26Z","topics":{"media.labelled":%b},"open":[]}' % wrong
    assert newest([raw(value)]) is None
    assert newest([raw(value.replace(wrong, b'{"usd": 1, "offsets": {"0": 7}}'))]) is not None


def test_snapshot_that_is_too_large_is_not_written() -> None:
    jobs = tuple(OpenCharge(f"{number:024}", TOKEN, 1.0, NOW, NOW) for number in range(5_000))
    assert to_record(SpendingSnapshot(NOW.date(), NOW, {}, jobs)) is None
    assert to_record(SpendingSnapshot(NOW.date(), NOW, {}, jobs[:1_000])) is not None


def test_reads_paid_results_and_jobs_since_midnight_less_the_deadline() -> None:
    names = [topic.name for topic in followed_topics(DEFAULT_STAGES)]
    assert names == [
        "media.labelled",
        "media.moderated",
        "media.transcribed",
        "jobs.started",
        "jobs.finished",
        "system.spending",
    ]
    assert start_of_day(DEFAULT_STAGES, NOW) == datetime.fromisoformat("2026-03-13T18:00:00Z").timestamp()
