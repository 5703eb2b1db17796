"""Calls a second, shared by all workers."""

from __future__ import annotations

import pytest

from headrace.schemas.runtime.token_bucket import TokenBucket
from headrace.streams.limits.rate_limits import RateLimits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def allowed(bucket: TokenBucket, clock: Clock, seconds: float) -> int:
    """Count the calls of a client that never pauses."""
    count = 0
    while clock.now < seconds:
        clock.now += bucket.wait_seconds()
        count += clock.now < seconds
    return count


def test_in_the_long_run_the_rate_is_kept(clock: Clock) -> None:
    assert 500 <= allowed(TokenBucket(50, lambda: 1.0, clock), clock, 10) <= 551


def test_workers_with_half_of_the_partitions_each_make_the_rate_together(clock: Clock) -> None:
    one = allowed(TokenBucket(50, lambda: 0.5, clock), clock, 10)
    clock.now = 0.0
    other = allowed(TokenBucket(50, lambda: 0.5, clock), clock, 10)
    assert 500 <= one + other <= 551


def test_a_pause_saves_up_no_more_than_a_second(clock: Clock) -> None:
    bucket = TokenBucket(10, lambda: 1.0, clock)
    clock.now = 3600.0
    assert sum(bucket.wait_seconds() == 0.0 for _ in range(100)) == 10


def test_a_rate_below_one_a_second_lets_the_first_call_through_at_once(clock: Clock) -> None:
    bucket = TokenBucket(0.5, lambda: 1.0, clock)
    assert bucket.wait_seconds() == 0.0
    assert bucket.wait_seconds() == pytest.approx(2.0)


async def test_an_operation_without_a_rate_does_not_wait() -> None:
    await RateLimits({"rekognition.detect_labels": 0.001}, {}).wait("rekognition.detect_faces")
