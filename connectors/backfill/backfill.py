"""Brings objects that are already in a bucket onto the log, as if S3 had just told of them.

Each at least once, always with the same id, however often it is killed and run again: what is noted as done is on the
log. Source: Enterprise Integration Patterns, "Idempotent Receiver".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from msgspec import structs

from headrace.connectors.backfill.checkpoint import Checkpoint
from headrace.connectors.backfill.events import to_event
from headrace.connectors.backfill.filters import ObjectFilters
from headrace.connectors.backfill.listing import BucketPrefix, ListedObject
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas.runtime.token_bucket import TokenBucket

SAVE_SECONDS = 1.0
"""How much work is repeated after a kill, at most."""


class RecordSink(Protocol):
    """Where facts go, and where is noted how far that is."""

    def send(self, fact: EventWithMetadata) -> None: ...
    def save(self, cursor: Checkpoint) -> None: ...


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What is carried from where, and how fast: `rate` is records a second, None as fast as Kafka takes them."""

    place: BucketPrefix
    filters: ObjectFilters
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class BackfillClock:
    """The time that passes, in seconds, and how to let it pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL = BackfillClock()


def estimate(
    filters: ObjectFilters, found: Iterable[ListedObject], cursor: Checkpoint
) -> Iterator[tuple[Checkpoint, ListedObject | None]]:
    """Give each object that is wanted, None for the others, and the cursor behind it. Sends nothing."""
    for each in found:
        why_not = filters.skip_reason(each)
        cursor = structs.replace(cursor, after=each.key, counts=cursor.counts.plus(each, why_not))
        yield cursor, None if why_not else each


def run(
    work: BackfillPlan, found: Iterable[ListedObject], cursor: Checkpoint, log: RecordSink, clock: BackfillClock = REAL
) -> Iterator[Checkpoint]:
    """Send what is wanted of the objects behind the cursor; give the cursor after each, and one that is done."""
    wait = _pace(work.rate, clock)
    saved = clock.now()
    here = cursor
    for here, wanted in estimate(work.filters, found, cursor):
        if wanted is not None:
            wait()
            log.send(to_event(work.place, wanted))
        if clock.now() - saved >= SAVE_SECONDS:
            log.save(here)
            saved = clock.now()
        yield here
    done = structs.replace(here, done=True)
    log.save(done)
    yield done


def _pace(rate: float | None, clock: BackfillClock) -> Callable[[], None]:
    """Give a function that returns when one more record may go."""
    if rate is None:
        return lambda: None
    tokens = TokenBucket(rate, clock=clock.now, start_full=True)

    def wait() -> None:
        while not tokens.take():
            clock.sleep(min(1.0, 1 / rate))

    return wait
