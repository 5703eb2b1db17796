"""Tests of the circuit breaker: only faults of Headrace open it, and it closes by itself."""

from __future__ import annotations

import pytest

from headrace.streams.engine.circuit_breaker import (
    MAX_PAUSE_SECONDS,
    MIN_KEYS,
    MIN_OUTCOMES,
    MIN_REASONS,
    PAUSE_SECONDS,
    WINDOW,
    CircuitBreaker,
)
from headrace.streams.engine.outcome import Dead, Done, Outcome, Retry

UNREADABLE = Dead("unreadable", "no moov atom", "PermanentError")
REASONS = ("ZeroDivisionError", "KeyError", "ValueError", "TypeError")


def internal_error(reason: str = "ZeroDivisionError") -> Dead:
    return Dead("internal_error", f"text of the file, {reason}", reason)


class Stage:
    """A circuit breaker, its clock and its sample."""

    def __init__(self, sample_fails: bool = False) -> None:
        self.now = 0.0
        self.samples = 0
        self.fails = sample_fails
        self.breaker = CircuitBreaker(self._sample_fails, lambda: self.now)

    async def _sample_fails(self) -> bool:
        self.samples += 1
        return self.fails

    async def finish(self, count: int, *outcomes: Outcome, keys: int = WINDOW) -> None:
        for number in range(count):
            await self.breaker.note(number % keys, outcomes[number % len(outcomes)])


async def opened() -> Stage:
    stage = Stage()
    await stage.finish(MIN_OUTCOMES, *map(internal_error, REASONS))
    assert stage.breaker.why
    return stage


async def test_several_keys_with_several_reasons_open_the_breaker() -> None:
    stage = Stage()
    await stage.finish(MIN_OUTCOMES - 1, *map(internal_error, REASONS))
    assert stage.breaker.admits("next")
    await stage.finish(1, internal_error())
    assert stage.breaker.why == "20 of the last 20 records failed with an internal error: ZeroDivisionError"
    assert not stage.breaker.admits("next")


async def test_many_files_with_one_reason_do_not_open_the_breaker() -> None:
    stage = Stage()
    await stage.finish(10 * WINDOW, internal_error())
    assert not stage.breaker.why


async def test_one_reason_opens_the_breaker_if_the_known_good_sample_fails() -> None:
    stage = Stage(sample_fails=True)
    await stage.finish(MIN_OUTCOMES, internal_error())
    assert stage.breaker.why
    assert stage.samples == 1


async def test_sample_is_not_repeated_for_every_failure() -> None:
    stage = Stage()
    await stage.finish(10 * WINDOW, internal_error())
    assert stage.samples == 1
    stage.now += PAUSE_SECONDS
    await stage.finish(WINDOW, internal_error())
    assert stage.samples == 2


async def test_few_keys_do_not_open_the_breaker() -> None:
    stage = Stage(sample_fails=True)
    await stage.finish(10 * WINDOW, *map(internal_error, REASONS), keys=MIN_KEYS - 1)
    assert not stage.breaker.why


async def test_few_reasons_do_not_open_the_breaker() -> None:
    stage = Stage()
    await stage.finish(10 * WINDOW, *map(internal_error, REASONS[: MIN_REASONS - 1]))
    assert not stage.breaker.why


@pytest.mark.parametrize("other", [Done(), UNREADABLE])
async def test_outcomes_without_an_internal_error_keep_the_breaker_closed(other: Outcome) -> None:
    stage = Stage(sample_fails=True)
    failures = list(map(internal_error, REASONS))
    await stage.finish(10 * WINDOW, *(outcome for failure in failures for outcome in (failure, other, other)))
    assert not stage.breaker.why


async def test_retries_do_not_count() -> None:
    stage = Stage(sample_fails=True)
    await stage.finish(10 * WINDOW, Retry(1.0, "timeout", "took too long"))
    await stage.finish(MIN_OUTCOMES - 1, internal_error())
    assert not stage.breaker.why


async def test_only_recent_outcomes_count() -> None:
    stage = Stage()
    await stage.finish(1000, Done())
    await stage.finish(WINDOW, *map(internal_error, REASONS))
    assert stage.breaker.why


async def test_open_breaker_admits_one_record_after_the_pause_and_its_success_closes_it() -> None:
    stage = await opened()
    assert not stage.breaker.admits("trial")
    stage.now += PAUSE_SECONDS
    assert stage.breaker.admits("trial")
    assert not stage.breaker.admits("other")
    await stage.breaker.note("trial", Done())
    assert not stage.breaker.why
    assert stage.breaker.admits("other")


async def test_file_that_is_unreadable_closes_the_breaker_too() -> None:
    stage = await opened()
    stage.now += PAUSE_SECONDS
    assert stage.breaker.admits("trial")
    await stage.breaker.note("trial", UNREADABLE)
    assert not stage.breaker.why


async def test_failed_trial_doubles_the_pause_up_to_a_maximum() -> None:
    stage = await opened()
    pause = PAUSE_SECONDS
    for _ in range(10):
        stage.now += pause
        assert stage.breaker.admits("trial")
        await stage.breaker.note("trial", internal_error())
        pause = min(2 * pause, MAX_PAUSE_SECONDS)
        stage.now += pause - 1
        assert not stage.breaker.admits("trial")
        stage.now -= pause - 1
    assert pause == MAX_PAUSE_SECONDS


async def test_record_that_started_before_the_breaker_opened_does_not_close_it() -> None:
    stage = await opened()
    await stage.breaker.note("earlier", Done())
    stage.now += PAUSE_SECONDS
    assert stage.breaker.admits("trial")
    await stage.breaker.note("earlier", Done())
    assert stage.breaker.why


@pytest.mark.parametrize("deferred", [False, True])
async def test_trial_without_an_outcome_is_repeated_with_another_record(deferred: bool) -> None:
    stage = await opened()
    stage.now += PAUSE_SECONDS
    assert stage.breaker.admits("trial")
    if deferred:
        await stage.breaker.note("trial", Retry(1.0, "timeout", "took too long"))
    else:
        stage.breaker.abandon("trial")
    assert stage.breaker.why
    assert stage.breaker.admits("other")
