"""Tests that all workers together stay within the concurrent-job quota of a service."""

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
def test_partitions_share_the_whole_quota(quota: int) -> None:
    slots = JobSlots({"labels": quota}, 4)
    refused = 0
    for number in range(4 * quota):
        try:
            slots.take("labels", number % 4, token(number), NOW, LATER)
        except ThrottledError:
            refused += 1
    assert (slots.taken("labels"), refused) == (quota, 3 * quota)


def test_job_keeps_its_slot() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.take("labels", 0, token(1), NOW, LATER)
    assert slots.taken("labels") == 1


def test_finished_job_frees_its_slot() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.on_job_ended(token(1))
    slots.take("labels", 0, token(2), NOW, LATER)


def test_rejected_job_frees_its_slot_and_can_reserve_again() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.release(token(1))
    slots.take("labels", 0, token(1), NOW, LATER)
    with pytest.raises(ThrottledError):
        slots.take("labels", 0, token(2), NOW, LATER)


def test_job_restarted_after_its_end_uses_no_slot() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    JobEventHandler(slots, CODEC).take(CODEC.encode(job_finished(token(1))))
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.take("labels", 0, token(2), NOW, LATER)
    assert slots.taken("labels") == 1


def test_overdue_job_uses_no_slot() -> None:
    slots = JobSlots({"labels": 1}, 1)
    slots.take("labels", 0, token(1), NOW, LATER)
    slots.take("labels", 0, token(2), LATER, LATER + timedelta(hours=1))


def test_stage_without_a_quota_is_not_limited() -> None:
    slots = JobSlots({}, 1)
    for number in range(1000):
        slots.take("labels", 0, token(number), NOW, LATER)


def test_rejects_a_quota_below_one_slot_per_partition() -> None:
    with pytest.raises(TooFewSlotsError, match="labels=3 must be at least its 4 partitions"):
        JobSlots({"labels": 3}, 4)


def test_counts_jobs_started_by_other_workers() -> None:
    slots = JobSlots({"labels": 1}, 1)
    JobEventHandler(slots, CODEC).take(CODEC.encode(started(1)))
    with pytest.raises(ThrottledError):
        slots.take("labels", 0, token(2), NOW, LATER)


@given(order=st.permutations([started(1), started(2), job_finished(token(1)), job_finished(token(2))]))
def test_count_does_not_depend_on_the_order_of_the_topics(order: list[object]) -> None:
    slots = JobSlots({"labels": 9}, 1)
    fold = JobEventHandler(slots, CODEC)
    for event in order:
        fold.take(CODEC.encode(event))  # type: ignore[arg-type]
    assert slots.taken("labels") == 0


def test_undecodable_bytes_do_not_count() -> None:
    slots = JobSlots({"labels": 1}, 1)
    JobEventHandler(slots, CODEC).take(b"garbage")
    assert slots.taken("labels") == 0
