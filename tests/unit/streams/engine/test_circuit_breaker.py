"""Tests of the circuit breaker: internal errors stop the stage."""

from __future__ import annotations

import pytest

from headrace.streams.engine import circuit_breaker
from headrace.streams.engine.circuit_breaker import MIN_OUTCOMES, WINDOW, CircuitBreaker, CircuitOpenError
from headrace.streams.engine.outcome import Dead, Done, Retry
from tests.support.fake_services import MemoryBucket

INTERNAL_ERROR = Dead("internal_error", "ZeroDivisionError", "ZeroDivisionError")
THEIRS = Dead("unreadable", "no moov atom", "PermanentError")


def blow(watched: CircuitBreaker) -> None:
    """Fail until the circuit breaker opens, within its window."""
    for _ in range(WINDOW):
        try:
            watched.note(INTERNAL_ERROR)
        except CircuitOpenError:
            return
    raise AssertionError("it did not blow")


def test_few_internal_errors_do_not_open_the_breaker() -> None:
    watched = CircuitBreaker("labels")
    for _ in range(MIN_OUTCOMES - 1):
        watched.note(INTERNAL_ERROR)
    assert not watched.why


def test_too_many_internal_errors_open_the_breaker_with_a_reason() -> None:
    watched = CircuitBreaker("labels")
    for _ in range(MIN_OUTCOMES - 1):
        watched.note(INTERNAL_ERROR)
    with pytest.raises(CircuitOpenError, match=r"20 of the last 20 .* ZeroDivisionError"):
        watched.note(INTERNAL_ERROR)


def test_open_circuit_breaker_rejects_every_outcome() -> None:
    watched = CircuitBreaker("labels")
    blow(watched)
    with pytest.raises(CircuitOpenError):
        watched.note(Done())


def test_permanent_errors_do_not_open_the_breaker() -> None:
    watched = CircuitBreaker("labels")
    for _ in range(2 * WINDOW):
        watched.note(THEIRS)
    assert not watched.why


def test_retries_do_not_count() -> None:
    watched = CircuitBreaker("labels")
    for _ in range(MIN_OUTCOMES - 1):
        watched.note(INTERNAL_ERROR)
        watched.note(Retry(1.0, "timeout", "took too long"))
    assert not watched.why


def test_only_recent_outcomes_count() -> None:
    watched = CircuitBreaker("labels")
    for _ in range(1000):
        watched.note(Done())
    blow(watched)


async def test_open_circuit_breaker_is_stored_until_reset() -> None:
    bucket = MemoryBucket()
    assert await circuit_breaker.load_reason(bucket, "labels") == ""
    await circuit_breaker.save_reason(bucket, "labels", "20 of 20")
    assert await circuit_breaker.load_reason(bucket, "labels") == "20 of 20"
    assert await circuit_breaker.load_reason(bucket, "moderation") == ""
    await circuit_breaker.save_reason(bucket, "labels", "")
    assert await circuit_breaker.load_reason(bucket, "labels") == ""
