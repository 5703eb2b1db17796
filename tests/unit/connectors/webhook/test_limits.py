"""Rate limiting and deduplication for the webhook."""

from __future__ import annotations

import pytest

from headrace.connectors.webhook.limits import DedupCache
from headrace.schemas.runtime.token_bucket import TokenBucket


class Seconds:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_bucket_allows_a_burst_of_one_second(seconds: Seconds) -> None:
    bucket = TokenBucket(10.0, clock=seconds, start_full=True)
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]
    seconds.now = 0.25
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    seconds.now = 100.0
    assert sum(bucket.take() for _ in range(20)) == 10


def test_bucket_below_one_per_second_allows_one(seconds: Seconds) -> None:
    bucket = TokenBucket(0.1, clock=seconds, start_full=True)
    assert [bucket.take(), bucket.take()] == [True, False]
    seconds.now = 10.0
    assert bucket.take()


def test_id_is_kept_until_it_expires(seconds: Seconds) -> None:
    recent = DedupCache(60.0, 10, seconds)
    recent.add("a")
    seconds.now = 60.0
    assert "a" in recent
    assert "b" not in recent
    seconds.now = 60.1
    assert "a" not in recent


def test_oldest_id_is_evicted_at_the_limit(seconds: Seconds) -> None:
    recent = DedupCache(60.0, 3, seconds)
    for id_ in "abcad":
        recent.add(id_)
    assert [id_ for id_ in "abcd" if id_ in recent] == ["a", "c", "d"]
