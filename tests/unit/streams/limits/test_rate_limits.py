"""Tests of rate limits that all workers share."""

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


def test_average_rate_is_at_most_the_limit(clock: Clock) -> None:
    assert 500 <= allowed(TokenBucket(50, lambda: 1.0, clock), clock, 10) <= 551


def test_two_workers_share_the_rate(clock: Clock) -> None:
    one = allowed(TokenBucket(50, lambda: 0.5, clock), clock, 10)
    clock.now = 0.0
    other = allowed(TokenBucket(50, lambda: 0.5, clock), clock, 10)
    assert 500 <= one + other <= 551


def test_burst_after_a_pause_is_at_most_one_second_of_calls(clock: Clock) -> None:
    bucket = TokenBucket(10, lambda: 1.0, clock)
    clock.now = 3600.0
    assert sum(bucket.wait_seconds() == 0.0 for _ in range(100)) == 10


def test_first_call_does_not_wait_at_rates_below_one_per_second(clock: Clock) -> None:
    bucket = TokenBucket(0.5, lambda: 1.0, clock)
    assert bucket.wait_seconds() == 0.0
    assert bucket.wait_seconds() == pytest.approx(2.0)


async def test_operation_without_a_rate_does_not_wait() -> None:
    await RateLimits({"rekognition.detect_labels": 0.001}, {}).wait("rekognition.detect_faces")
