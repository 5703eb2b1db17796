"""Daily budget over all workers. Each worker computes the spending from the topics, without coordination.

Results count for the day (UTC) on which they were stored, as in `headrace cost --by day`. Work in progress counts with
its estimate until its result is stored: calls of this worker before they are made, jobs of any worker from
`jobs.started` on. Calls in progress on other workers are not visible.
See docs/decisions/0012-compute-daily-spending-from-the-log.md and 0052-start-the-daily-budget-from-a-snapshot.md.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from headrace.schemas.cloudevents import EventMetadata, InvalidEventError, from_headers
from headrace.schemas.ids import asset_key
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import parse_time
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.schemas.topics import JOBS_FINISHED, JOBS_STARTED, SPENDING, Topic
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList
from headrace.streams.costs.spending_snapshot import OpenCharge, SpendingSnapshot, TopicSpending
from headrace.streams.errors import PermanentError
from headrace.streams.stage import Stage, charges_of

ROUNDING = 1e-9

REPEAT_SECONDS = 900.0
"""A result that is sent longer than this after its time is a repetition: its first record has been counted."""

SpendKey = str
"""A digest of a stage, an asset and its version."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The estimated cost of work in progress."""

    usd: float
    since: datetime
    until: datetime
    token: str = ""


class DailyBudget:
    """Tracks today's spending and enforces a limit. Thread-safe."""

    def __init__(self, limit: float, codec: Codec, prices: PriceList) -> None:
        self._limit = limit
        self._codec = codec
        self._prices = prices
        self._lock = threading.Lock()
        self._date = date.min
        self._paid: defaultdict[str, float] = defaultdict(float)
        """US dollars of the day by topic."""
        self._counted: dict[str, float] = {}
        """When the results were sent that have been counted in the last minutes, by id."""
        self._reservations: dict[SpendKey, Reservation] = {}
        self._ended: dict[SpendKey | str, datetime] = {}
        self._next: defaultdict[str, dict[int, int]] = defaultdict(dict)
        """The next offset of each partition, by topic."""
        self._restored: Mapping[tuple[str, int], int] = {}
        """Offsets below which a snapshot includes the records of a partition."""

    def reserve(self, stage: Stage, record: Any, now: datetime) -> None:
        """Reserve the estimated cost of a stage's paid call.

        Another attempt of the same call replaces its reservation. A reservation without a result expires after the
        stage's deadline.

        Raises:
            PermanentError: Code `budget`: the call would exceed the limit.
        """
        if not stage.paid_operations:
            return
        usd = estimate(stage, record, self._prices) or 0.0
        key = _spend_key(stage.name, record.asset)
        with self._lock:
            previous = self._reservations.pop(key, None)
            spent = self._spent(now)
            if spent + usd > self._limit + ROUNDING:
                if previous is not None:
                    self._reservations[key] = previous
                raise PermanentError("budget", self._refusal(spent, usd))
            self._reservations[key] = Reservation(usd, now, now + timedelta(seconds=stage.deadline_seconds))

    def spent(self, now: datetime) -> float:
        """Return the US dollars paid today or reserved."""
        with self._lock:
            return self._spent(now)

    def take(self, record: ConsumerRecord) -> None:
        """Count one record. Order and duplicates do not matter; one that a snapshot includes changes no amount."""
        if record.value is None:
            return
        try:
            event, envelope = self._codec.decode_or_fetch(record.value), from_headers(record.headers)
            time = parse_time(envelope.time)
        except (DecodeError, InvalidEventError, ValueError):  # the stage that reads it writes a dead letter
            return
        with self._lock:
            offsets = self._next[record.topic]
            is_new = record.offset >= self._restored.get((record.topic, record.partition), 0)
            offsets[record.partition] = max(record.offset + 1, offsets.get(record.partition, 0))
            if isinstance(event, JobStarted) and is_new:
                self._started(event)
            elif isinstance(event, JobFinished):
                self._finished(event)
            elif not isinstance(event, JobStarted):
                self._result(event, envelope, time, record, is_new)

    def snapshot(self, now: datetime) -> SpendingSnapshot:
        """Return what has been added up, without the calls of this worker, and forget what can no longer be repeated.

        The topics must have been read to their ends.
        """
        with self._lock:
            self._spent(now)
            oldest = now - timedelta(seconds=REPEAT_SECONDS)
            self._ended = {key: time for key, time in self._ended.items() if time >= oldest}
            self._counted = {id_: sent for id_, sent in self._counted.items() if sent >= oldest.timestamp()}
            paid = {name: TopicSpending(self._paid[name], dict(offsets)) for name, offsets in self._next.items()}
            jobs = (
                OpenCharge(key, each.token, each.usd, each.since, each.until)
                for key, each in self._reservations.items()
                if each.token
            )
            return SpendingSnapshot(self._date, now, paid, tuple(jobs))

    def restore(self, snapshot: SpendingSnapshot) -> None:
        """Continue from a snapshot. Records that were sent shortly before it must be taken again."""
        with self._lock:
            self._date, self._restored = snapshot.day, snapshot.offsets
            for name, topic in snapshot.topics.items():
                self._paid[name] = topic.usd
                self._next[name] = dict(topic.offsets)
            self._reservations = {
                each.key: Reservation(each.usd, each.since, each.until, each.token) for each in snapshot.open
            }

    def _started(self, job: JobStarted) -> None:
        key = _spend_key(job.stage, job.asset)
        ended = self._ended.get(key)
        if job.token not in self._ended and (ended is None or ended < job.started_at):
            self._reservations[key] = Reservation(job.usd or 0.0, job.started_at, job.deadline_at, job.token)

    def _finished(self, job: JobFinished) -> None:
        """Release the reservation of a failed job, which is not billed. A succeeded one stays until its result."""
        if job.status == "failed":
            self._ended[job.token] = job.finished_at
            self._reservations = {
                key: reservation for key, reservation in self._reservations.items() if reservation.token != job.token
            }

    def _result(
        self, event: Event, envelope: EventMetadata, time: datetime, record: ConsumerRecord, is_new: bool
    ) -> None:
        asset: Asset | None = getattr(event, "asset", None)
        if asset is None:
            return
        key = _spend_key(envelope.source.removeprefix("headrace/"), asset)
        reservation = self._reservations.get(key)
        if reservation is not None and reservation.since <= time:
            del self._reservations[key]
        self._ended[key] = max(time, self._ended.get(key, time))
        self._start_day(time.date())
        is_first = record.timestamp - time.timestamp() <= REPEAT_SECONDS and envelope.id not in self._counted
        self._counted[envelope.id] = record.timestamp
        if is_first and is_new and time.date() == self._date:
            self._paid[record.topic] += sum(charge.usd for charge in charges_of(event))

    def _spent(self, now: datetime) -> float:
        self._start_day(now.date())
        self._reservations = {
            key: reservation for key, reservation in self._reservations.items() if reservation.until > now
        }
        return sum(self._paid.values()) + sum(reservation.usd for reservation in self._reservations.values())

    def _start_day(self, today: date) -> None:
        """Reset the paid amount on a new day; reservations stay."""
        if today > self._date:
            self._date = today
            self._paid.clear()

    def _refusal(self, spent: float, usd: float) -> str:
        return (
            f"daily budget of ${self._limit:g} exceeded: ${spent:.4f} spent or reserved today (UTC), this call costs "
            f"${usd:.4f}. Raise [budget] day, or redrive the record tomorrow"
        )


def followed_topics(stages: Sequence[Stage]) -> tuple[Topic, ...]:
    """Return the topics that contain a pipeline's spending, and that of its snapshots."""
    results = [stage.writes for stage in stages if stage.paid_operations and stage.writes]
    return (*dict.fromkeys(results), JOBS_STARTED, JOBS_FINISHED, SPENDING)


def start_of_day(stages: Sequence[Stage], now: datetime) -> float:
    """Return the timestamp from which to read without a snapshot: midnight (UTC), less the longest job deadline."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    return midnight.timestamp() - max((stage.job.deadline_seconds for stage in stages if stage.job), default=0.0)


def _spend_key(stage: str, asset: Asset) -> SpendKey:
    parts = "\n".join((stage, asset_key(asset), asset.version))
    return hashlib.blake2b(parts.encode(), digest_size=12).hexdigest()
