"""Send an upload event for each object that is already in a bucket.

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
"""Interval of checkpoints: the most work that a killed run repeats."""


class RecordSink(Protocol):
    """Sends events and stores checkpoints."""

    def send(self, fact: EventWithMetadata) -> None: ...
    def save(self, cursor: Checkpoint) -> None: ...


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """The prefix, the filters and the rate of a backfill. `rate` is records per second, None for no limit."""

    place: BucketPrefix
    filters: ObjectFilters
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class BackfillClock:
    """A clock in seconds and a sleep, replaceable in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL = BackfillClock()


def estimate(
    filters: ObjectFilters, found: Iterable[ListedObject], cursor: Checkpoint
) -> Iterator[tuple[Checkpoint, ListedObject | None]]:
    """Yield the checkpoint after each object, and the object unless it is filtered out. Sends nothing."""
    for each in found:
        why_not = filters.skip_reason(each)
        cursor = structs.replace(cursor, after=each.key, counts=cursor.counts.plus(each, why_not))
        yield cursor, None if why_not else each


def run(
    work: BackfillPlan, found: Iterable[ListedObject], cursor: Checkpoint, log: RecordSink, clock: BackfillClock = REAL
) -> Iterator[Checkpoint]:
    """Send the selected objects after the checkpoint. Yields the checkpoint after each, then a done one."""
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
    """Return a function that blocks until the rate allows one more record."""
    if rate is None:
        return lambda: None
    tokens = TokenBucket(rate, clock=clock.now, start_full=True)

    def wait() -> None:
        while not tokens.take():
            clock.sleep(min(1.0, 1 / rate))

    return wait
