"""The outcomes of a record. Each record has exactly one, decided in this module.

    Done        its results are in Kafka             ran | stored | reused | skipped | superseded | shadowed
    Retry       it is retried after at least `after` seconds
    Dead        it goes to the dead-letter topic, with the reason
    PauseStage  no outcome yet: the stage waits for an outage to end, then runs the same record again

Source: Enterprise Integration Patterns, "Invalid Message Channel" and "Dead Letter Channel".
"""

from __future__ import annotations

import asyncio
import errno
import math
import random
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, assert_never

from headrace.schemas import topics
from headrace.schemas.cloudevents import InvalidEventError
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde.codec import DecodeError, RegistryUnavailableError, UnknownSchemaError
from headrace.streams.errors import (
    ObjectGone,
    OutageError,
    PermanentError,
    RetryAt,
    ShadowMatch,
    StageError,
    ThrottledError,
    TransientError,
)
from headrace.streams.retry_policy import DEFAULT_RETRY, RetryPolicy

DoneReason = Literal["ran", "stored", "reused", "skipped", "superseded", "shadowed"]

INTERNAL_ERROR = "internal_error"
"""The code of an unexpected exception: a bug in Headrace or in a stage. The circuit breaker counts it."""
SCHEMA_ATTEMPTS = 4
"""Attempts to find a writer schema. Writers publish it before their first record, so a few seconds suffice."""
EVERY_ERROR = (Exception, asyncio.CancelledError, SystemExit)
"""What a stage may raise. A library that cancels or exits must not end a worker; see `raise_if_cancelled`."""
MACHINE_ERRORS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
"""Errors of this machine that every record would meet: disk, descriptors, memory."""
OUTAGE_CAP_SECONDS = 30.0
THROTTLED_CAP_SECONDS = 10.0
LONGEST_WAIT_DAYS = topics.retry("").retention_days - 1
"""A record is deleted from its retry topic after the retention; one day is left to run it."""


@dataclass(frozen=True, slots=True)
class Done:
    """The record is finished: now (`ran`), earlier (`stored`), by a result of identical content (`reused`), filtered
    (`skipped`), outdated (`superseded`) or matched by a rule that delivers nothing (`shadowed`)."""

    events: tuple[ProducerRecord, ...] = ()
    how: DoneReason = "ran"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Retry the record in `after` seconds. `counts` is False when the wait does not count as an attempt."""

    after: float
    code: str
    why: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """Dead-letter the record. `kind` is the class of the exception."""

    code: str
    why: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class PauseStage:
    """A shared dependency is down: wait `seconds`, then run the same record again."""

    seconds: float
    why: str


Outcome = Done | Retry | Dead | PauseStage


class RecordDisposition(Enum):
    """What the scheduler does with a record whose outcome is durable."""

    DONE = "done"
    """The record is finished."""
    SUPERSEDED = "superseded"
    """The record is finished: a newer version of its object is known."""
    SHADOWED = "shadowed"
    """The record is finished: a shadow rule matches it."""
    DEAD_LETTERED = "dead_lettered"
    """The record is in the dead-letter topic."""
    DEFERRED = "retried"
    """The record is in the retry topic. An ordered stage holds its key until it is finished."""


def outcome_for(
    error: BaseException, attempt: int, draw: random.Random, waits: int = 0, policy: RetryPolicy = DEFAULT_RETRY
) -> Outcome:
    """Return the outcome of a record whose stage raised `error` at attempt number `attempt` (the first is 1).

    `waits` is the number of waits that did not count as attempts.
    """
    match error:
        case ObjectGone() | ShadowMatch():
            return _finished(error)
        case OutageError() | RegistryUnavailableError():
            return PauseStage(policy.delay(attempt, draw, OUTAGE_CAP_SECONDS), str(error))
        case ThrottledError():
            return Retry(policy.delay(1 + waits, draw, THROTTLED_CAP_SECONDS), error.code, error.why, counts=False)
        case RetryAt():
            return _later(error)
        case TransientError():
            return _again(attempt, draw, policy, error.code, error)
        case PermanentError():
            return _dead(error.code, error)
        case UnknownSchemaError():
            schema_policy = replace(policy, max_attempts=min(policy.max_attempts, SCHEMA_ATTEMPTS))
            return _again(attempt, draw, schema_policy, "schema", error)
        case DecodeError() | InvalidEventError():
            return _dead("decode", error)
        case StageError():
            return _dead(error.code, error)
        case _:
            return _unexpected(error, policy.delay(attempt, draw, OUTAGE_CAP_SECONDS))


def raise_if_cancelled(error: BaseException) -> None:
    """Raise the error again if it is the cancellation of the running task, and not one that a library raised."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise error


def label(outcome: Outcome) -> str:
    """Return the name of an outcome in metrics and logs."""
    match outcome:
        case Done():
            return "superseded" if outcome.how == "superseded" else "done"
        case Retry():
            return "retrying"
        case Dead():
            return "dead-lettered"
        case PauseStage():
            return "waiting"
        case _:
            assert_never(outcome)


def _finished(error: ObjectGone | ShadowMatch) -> Done:
    return Done(how="superseded", why=error.why) if isinstance(error, ObjectGone) else Done(how="shadowed")


def _again(attempt: int, draw: random.Random, policy: RetryPolicy, code: str, error: Exception) -> Outcome:
    if attempt >= policy.max_attempts:
        return Dead(code, f"{error} (gave up after {attempt} attempts)", type(error).__name__)
    return Retry(policy.delay(attempt, draw), code, str(error))


def _later(error: RetryAt) -> Outcome:
    """Retry after the requested wait, unless the record would expire in its retry topic first."""
    if not error.after <= LONGEST_WAIT_DAYS * 86_400:  # true for NaN as well
        requested = f"{error.after / 86_400:,.0f} days" if math.isfinite(error.after) else "an unlimited time"
        limit = f"a retry topic keeps a record for at most {LONGEST_WAIT_DAYS} days of waiting"
        return Dead(
            "wait_too_long", f"{error.why}: the next attempt is in {requested}, and {limit}", type(error).__name__
        )
    return Retry(max(0.0, error.after), error.code, error.why, counts=False)


def _unexpected(error: BaseException, delay: float) -> Outcome:
    if isinstance(error, OSError) and error.errno in MACHINE_ERRORS:
        remedy = "free space or raise the limit on this machine, or set TMPDIR to another folder"
        return PauseStage(delay, f"{error.strerror}: {remedy}")
    return _dead(INTERNAL_ERROR, error)


def _dead(code: str, error: BaseException) -> Dead:
    return Dead(code, str(error) or type(error).__name__, type(error).__name__)
