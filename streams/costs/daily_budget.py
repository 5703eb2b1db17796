"""What the paid calls of a day cost, over all workers, which each of them knows from the log: they need no agreement.

Results count for the day (UTC) on which they were stored, as `headrace cost --by day` has it. What is under way counts
with its estimate until its result is there: calls of this worker from before they are made, jobs of any worker from
`jobs.started` on. What no worker can see are the others' calls of this moment.
See docs/decisions/0012-a-days-spending-is-read-from-the-log.md.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from headrace.schemas.cloudevents import EventMetadata, Headers, InvalidEventError, from_headers
from headrace.schemas.ids import asset_key
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.schemas.topics import JOBS_FINISHED, JOBS_STARTED, Topic
from headrace.streams.costs.estimates import estimate
from headrace.streams.errors import PermanentError
from headrace.streams.stage import Stage, charges_of

ROUNDING = 1e-9

SpendKey = tuple[str, str, str]
"""What money is spent on: a stage, an asset and its version."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money for what is under way."""

    usd: float
    since: datetime
    until: datetime
    token: str = ""


class DailyBudget:
    """Today's spending, and the refusal to go over a limit. Safe from any thread."""

    def __init__(self, limit: float, book: Codec) -> None:
        self._limit = limit
        self._book = book
        self._lock = threading.Lock()
        self._date = date.min
        self._paid = 0.0
        self._counted: set[str] = set()
        self._held: dict[SpendKey, Reservation] = {}
        self._ended: dict[SpendKey | str, datetime] = {}

    def reserve(self, stage: Stage, record: Any, now: datetime) -> None:
        """Hold what a stage's paid call will cost. Raises `Unprocessable`, `budget`, where that goes over the limit.

        What another try of the same holds is not counted twice; what comes to nothing is let go after the stage's
        deadline.
        """
        if not stage.paid_operations:
            return
        usd = estimate(stage, record) or 0.0
        what = _what(stage.name, record.asset)
        with self._lock:
            mine = self._held.pop(what, None)
            spent = self._spent(now)
            if spent + usd > self._limit + ROUNDING:
                if mine is not None:
                    self._held[what] = mine
                raise PermanentError("budget", self._refusal(spent, usd))
            self._held[what] = Reservation(usd, now, now + timedelta(seconds=stage.deadline_seconds))

    def spent(self, now: datetime) -> float:
        """Give US dollars that are paid today or under way."""
        with self._lock:
            return self._spent(now)

    def take(self, value: bytes, headers: Headers) -> None:
        """Learn from one record, in any order, and however often it comes."""
        try:
            event, envelope = self._book.decode_or_fetch(value), from_headers(headers)
            time = datetime.fromisoformat(envelope.time)
        except (DecodeError, InvalidEventError, ValueError):  # its stage dead-letters it
            return
        with self._lock:
            if isinstance(event, JobStarted):
                self._started(event)
            elif isinstance(event, JobFinished):
                self._finished(event)
            else:
                self._result(event, envelope, time)

    def _started(self, job: JobStarted) -> None:
        what = _what(job.stage, job.asset)
        over = self._ended.get(what)
        if job.token not in self._ended and (over is None or over < job.started_at):
            self._held[what] = Reservation(job.usd or 0.0, job.started_at, job.deadline_at, job.token)

    def _finished(self, job: JobFinished) -> None:
        """Let go of a failed job, which is not paid for. One that ended well is held until its result is there."""
        if job.status == "failed":
            self._ended[job.token] = job.finished_at
            self._held = {what: held for what, held in self._held.items() if held.token != job.token}

    def _result(self, event: Event, envelope: EventMetadata, time: datetime) -> None:
        asset: Asset | None = getattr(event, "asset", None)
        if asset is None:
            return
        what = _what(envelope.source.removeprefix("headrace/"), asset)
        held = self._held.get(what)
        if held is not None and held.since <= time:
            del self._held[what]
        self._ended[what] = max(time, self._ended.get(what, time))
        self._turn(time.date())
        if time.date() == self._date and envelope.id not in self._counted:
            self._counted.add(envelope.id)
            self._paid += sum(charge.usd for charge in charges_of(event))

    def _spent(self, now: datetime) -> float:
        self._turn(now.date())
        self._held = {what: held for what, held in self._held.items() if held.until > now}
        return self._paid + sum(held.usd for held in self._held.values())

    def _turn(self, today: date) -> None:
        """Begin a new day with nothing paid; what is under way goes on."""
        if today > self._date:
            self._date, self._paid, self._counted = today, 0.0, set()
            self._ended = {what: time for what, time in self._ended.items() if (today - time.date()).days < 2}

    def _refusal(self, spent: float, usd: float) -> str:
        return (
            f"${spent:.4f} are spent today (UTC) or under way and this is ${usd:.4f} more, the budget of a day is "
            f"${self._limit:g}: raise [budget] day, or redrive this tomorrow"
        )


def followed_topics(stages: Sequence[Stage]) -> tuple[Topic, ...]:
    """Name the topics that tell of a pipeline's spending."""
    results = [stage.writes for stage in stages if stage.paid_operations and stage.writes]
    return (*dict.fromkeys(results), JOBS_STARTED, JOBS_FINISHED)


def start_of_day(stages: Sequence[Stage], now: datetime) -> float:
    """Say from when on they are to be read: all of today, and jobs that may still be at work from before."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    return midnight.timestamp() - max((stage.job.deadline_seconds for stage in stages if stage.job), default=0.0)


def _what(stage: str, asset: Asset) -> SpendKey:
    return stage, asset_key(asset), asset.version
