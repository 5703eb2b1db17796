"""How a record can end. Exactly one of these, decided here and nowhere else.

    Done     its results are on the log            ran | stored | skipped | superseded
    Retry    it is tried again, not before `after` seconds
    Dead     it goes to the dead-letter topic, with the reason
    Wait     no ending: the stage waits until an outage is over, then the same record is tried again

Source: Enterprise Integration Patterns, "Invalid Message Channel" and "Dead Letter Channel".
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Literal, assert_never

from headrace.schemas.cloudevents import InvalidEventError
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde.codec import DecodeError, RegistryUnavailableError, UnknownSchemaError
from headrace.streams.errors import (
    ObjectGone,
    OutageError,
    PermanentError,
    RetryAt,
    StageError,
    ThrottledError,
    TransientError,
)
from headrace.streams.stage import MAX_ATTEMPTS

DoneReason = Literal["ran", "stored", "skipped", "superseded"]

SCHEMA_ATTEMPTS = 4
"""A writer publishes its schema before its first record: who does not know it after some seconds never will."""
BASE_SECONDS = 0.25
CAP_SECONDS = 300.0
WAIT_CAP_SECONDS = 30.0
THROTTLED_CAP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Done:
    """The record's work is finished: now, earlier (`stored`), not wanted (`skipped`) or overtaken (`superseded`)."""

    events: tuple[ProducerRecord, ...] = ()
    how: DoneReason = "ran"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """The record is in flight and not yet due. `counts` is False where waiting costs no attempt."""

    after: float
    code: str
    why: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """The record can go no further. `kind` is the class of the exception behind it."""

    code: str
    why: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class PauseStage:
    """Something shared is down: hold everything for `seconds`, then try the same record again."""

    seconds: float
    why: str


Outcome = Done | Retry | Dead | PauseStage


class Disposition(Enum):
    """What the scheduler does with a record whose outcome is durable."""

    DONE = "done"
    """The record is finished."""
    DEFERRED = "deferred"
    """The record is in the retry topic. An ordered stage holds its key until it is finished."""


def outcome_for(
    error: Exception, attempt: int, draw: random.Random, waits: int = 0, most: int = MAX_ATTEMPTS
) -> Outcome:
    """Decide how a record ends whose stage raised `error` at its `attempt`-th try (the first is 1).

    `waits` is how often it has waited already without that counting as a try; at the `most`-th try it ends.
    """
    match error:
        case ObjectGone():
            return Done(how="superseded", why=error.why)
        case OutageError() | RegistryUnavailableError():
            return PauseStage(backoff(attempt, draw, WAIT_CAP_SECONDS), str(error))
        case ThrottledError():
            return Retry(backoff(1 + waits, draw, THROTTLED_CAP_SECONDS), error.code, error.why, counts=False)
        case RetryAt():
            return Retry(error.after, error.code, error.why, counts=False)
        case TransientError():
            return _again(attempt, draw, most, error.code, error)
        case PermanentError():
            return _dead(error.code, error)
        case UnknownSchemaError():
            return _again(attempt, draw, min(most, SCHEMA_ATTEMPTS), "schema", error)
        case DecodeError() | InvalidEventError():
            return _dead("decode", error)
        case StageError():
            return _dead(error.code, error)
        case _:
            return _dead("ours", error)


def backoff(attempt: int, draw: random.Random, cap: float = CAP_SECONDS) -> float:
    """Draw the seconds to wait after the `attempt`-th try: full jitter below a doubling bound.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """
    return draw.uniform(0, min(cap, BASE_SECONDS * 2 ** min(attempt, 30)))


def label(outcome: Outcome) -> str:
    """Name an outcome in one word, for counters and logs."""
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


def _again(attempt: int, draw: random.Random, most: int, code: str, error: Exception) -> Outcome:
    if attempt >= most:
        return Dead(code, f"{error} (gave up after {attempt} attempts)", type(error).__name__)
    return Retry(backoff(attempt, draw), code, str(error))


def _dead(code: str, error: Exception) -> Dead:
    return Dead(code, str(error) or type(error).__name__, type(error).__name__)
