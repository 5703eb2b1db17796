"""Tests that every failure has exactly one outcome."""

from __future__ import annotations

import errno
import itertools
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.cloudevents import InvalidEventError
from headrace.schemas.serde.codec import DecodeError, RegistryUnavailableError, UnknownSchemaError
from headrace.streams.engine.outcome import (
    SCHEMA_ATTEMPTS,
    Dead,
    Done,
    PauseStage,
    Retry,
    label,
    outcome_for,
)
from headrace.streams.errors import ObjectGone, OutageError, PermanentError, RetryAt, ThrottledError, TransientError
from headrace.streams.retry_policy import DEFAULT_RETRY, RetryPolicy

DRAW = random.Random(7)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermanentError("unreadable", "no moov atom"), "unreadable"),
        (DecodeError("garbage"), "decode"),
        (InvalidEventError("no ce_id"), "decode"),
        (ZeroDivisionError("a bug"), "internal_error"),
        (KeyError("also a bug"), "internal_error"),
    ],
)
def test_permanent_errors_are_dead_letters_at_once(error: Exception, code: str) -> None:
    outcome = outcome_for(error, 1, DRAW)
    assert isinstance(outcome, Dead)
    assert outcome.code == code
    assert outcome.why
    assert outcome.kind == type(error).__name__


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENOMEM])
def test_full_disk_and_other_faults_of_the_machine_pause_the_stage(number: int) -> None:
    outcome = outcome_for(OSError(number, os.strerror(number), "/tmp/headrace-x/object"), 1, DRAW)
    assert isinstance(outcome, PauseStage)
    assert outcome.why.startswith(os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EINVAL])
def test_other_operating_system_errors_are_internal(number: int) -> None:
    outcome = outcome_for(OSError(number, os.strerror(number)), 1, DRAW)
    assert isinstance(outcome, Dead)
    assert outcome.code == "internal_error"


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (TransientError("timed out"), DEFAULT_RETRY.max_attempts),
        (UnknownSchemaError("00" * 8), SCHEMA_ATTEMPTS),
        (UnknownSchemaError(schema_id=7), SCHEMA_ATTEMPTS),
    ],
)
def test_transient_errors_are_retried_up_to_the_maximum_attempts(error: Exception, most: int) -> None:
    assert all(isinstance(outcome_for(error, attempt, DRAW), Retry) for attempt in range(1, most))
    assert isinstance(outcome_for(error, most, DRAW), Dead)
    assert isinstance(outcome_for(error, 1, DRAW, policy=RetryPolicy(max_attempts=1)), Dead)


def test_unknown_schema_becomes_a_dead_letter_within_five_seconds() -> None:
    longest = sum(DEFAULT_RETRY.base_seconds * 2**attempt for attempt in range(1, SCHEMA_ATTEMPTS))
    assert longest < 5


def test_unknown_schema_has_its_own_code() -> None:
    outcome = outcome_for(UnknownSchemaError("00" * 8), DEFAULT_RETRY.max_attempts, DRAW)
    assert isinstance(outcome, Dead)
    assert outcome.code == "schema"


def test_throttling_counts_no_attempt_and_makes_no_dead_letter() -> None:
    outcome = outcome_for(ThrottledError("slow down"), 10 * DEFAULT_RETRY.max_attempts, DRAW)
    assert isinstance(outcome, Retry)
    assert not outcome.counts


@pytest.mark.parametrize("error", [OutageError("no bucket"), RegistryUnavailableError("no registry")])
def test_outage_pauses_the_stage_and_makes_no_dead_letter(error: Exception) -> None:
    outcome = outcome_for(error, 10 * DEFAULT_RETRY.max_attempts, DRAW)
    assert isinstance(outcome, PauseStage)
    assert outcome.why == str(error)


def test_replaced_object_is_superseded() -> None:
    outcome = outcome_for(ObjectGone("replaced"), 1, DRAW)
    assert outcome == Done(how="superseded", why="replaced")
    assert label(outcome) == "superseded"


@given(attempt=st.integers(min_value=1, max_value=10_000), seed=st.integers())
def test_retry_delay_is_at_most_the_cap(attempt: int, seed: int) -> None:
    assert 0 <= DEFAULT_RETRY.delay(attempt, random.Random(seed)) <= DEFAULT_RETRY.cap_seconds


def test_retry_delay_doubles_on_average() -> None:
    means = [sum(DEFAULT_RETRY.delay(attempt, DRAW) for _ in range(4000)) / 4000 for attempt in (1, 2, 3, 4)]
    assert all(1.8 < later / earlier < 2.2 for earlier, later in itertools.pairwise(means))


DAY = 86_400.0


@pytest.mark.parametrize("after", [0.0, 17.0, DAY, 29 * DAY])
def test_wait_that_the_retry_topic_survives_is_a_retry(after: float) -> None:
    outcome = outcome_for(RetryAt("HTTP 429", after), 1, DRAW)
    assert outcome == Retry(after, "not_yet", "HTTP 429", counts=False)


@pytest.mark.parametrize("after", [30 * DAY, 365 * DAY, 1e9, 1e300, float("inf"), float("nan")])
def test_wait_beyond_the_retention_of_the_retry_topic_is_a_dead_letter(after: float) -> None:
    outcome = outcome_for(RetryAt("HTTP 429", after), 1, DRAW)
    assert isinstance(outcome, Dead)
    assert outcome.code == "wait_too_long"
    assert "HTTP 429" in outcome.why
    assert "at most 29 days" in outcome.why


def test_negative_wait_is_no_wait() -> None:
    assert outcome_for(RetryAt("again", -5.0), 1, DRAW) == Retry(0.0, "not_yet", "again", counts=False)
