"""No service is asked for more jobs at a time than it allows, whatever the number of workers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.records import JobStarted
from headrace.streams.errors import ThrottledError
from headrace.streams.limits.job_slots import JobEventHandler, JobSlots, TooFewSlotsError
from tests.support.records import CODEC, NOW, asset, job_finished

LATER = NOW + timedelta(hours=1)


def token(number: int, stage: str = "labels") -> str:
    return f"{stage}-{number:040x}"


def started(number: int, partition: int = 0) -> JobStarted:
    return JobStarted(
        asset=asset(),
        stage="labels",
        token=token(number),
        partition=partition,
        service="rekognition",
        operation="StartLabelDetection",
        job_id="j",
        started_at=NOW,
        deadline_at=LATER,
    )


@given(quota=st.integers(min_value=4, max_value=50))
def test_the_partitions_share_the_whole_quota_and_no_more(quota: int) -> None:
    slots = JobSlots({"labels": quota}, 4)
    refused = 0
    for number in range(4 * quota):
        try:
            slots.take("labels", number % 4, token(number), NOW, LATER)
        except ThrottledError:
            refused += 1
    assert (slots.taken("labels"), refused) == (quota, 3 * quota)


def test_a_job_that_has_a_slot_keeps_it() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.take("labels", 0, token(1), NOW, LATER)
    assert slots.taken("labels") == 1


def test_a_job_that_has_ended_frees_its_slot() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.on_job_ended(token(1))
    slots.take("labels", 0, token(2), NOW, LATER)


def test_a_job_that_the_service_never_accepted_frees_its_slot_and_may_take_one_again() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.release(token(1))
    slots.take("labels", 0, token(1), NOW, LATER)
    with pytest.raises(ThrottledError):
        slots.take("labels", 0, token(2), NOW, LATER)


def test_a_job_that_is_started_once_more_after_its_end_holds_nothing() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    JobEventHandler(slots, CODEC).take(CODEC.encode(job_finished(token(1))))
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.take("labels", 0, token(2), NOW, LATER)
    assert slots.taken("labels") == 1


def test_a_job_past_its_deadline_holds_nothing() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.take("labels", 0, token(2), LATER, LATER + timedelta(hours=1))


def test_a_stage_without_a_quota_is_not_held_back() -> None:
    slots = JobSlots({}, 1)
    for number in range(1000):
        slots.take("labels", 0, token(number), NOW, LATER)


def test_a_quota_that_would_starve_a_partition_is_refused_by_name() -> None:
    with pytest.raises(TooFewSlotsError, match="labels=3 must be at least its 4 partitions"):
        JobSlots({"labels": 3}, 4)


def test_a_new_owner_knows_of_the_jobs_that_another_worker_started() -> None:
    slots = JobSlots({"labels": 1}, 1)
    JobEventHandler(slots, CODEC).take(CODEC.encode(started(1)))
    with pytest.raises(ThrottledError):
        slots.take("labels", 0, token(2), NOW, LATER)


@given(order=st.permutations([started(1), started(2), job_finished(token(1)), job_finished(token(2))]))
def test_whatever_the_order_of_the_topics_the_count_ends_the_same(order: list[object]) -> None:
    slots = JobSlots({"labels": 9}, 1)
    fold = JobEventHandler(slots, CODEC)
    for event in order:
        fold.take(CODEC.encode(event))  # type: ignore[arg-type]
    assert slots.taken("labels") == 0


def test_undecodable_bytes_do_not_count() -> None:
    slots = JobSlots({"labels": 1}, 1)
    JobEventHandler(slots, CODEC).take(b"garbage")
    assert slots.taken("labels") == 0
