"""Carries a redrive out: a few letters first, then the others, each answered for once its record is on the log."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from headrace.console.dlq.dispositions import Disposition, DispositionKind, message
from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.group_lock import SESSION_SECONDS, GroupLock
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.console.replay import journal
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.control import ReplayControl
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.console.replay.redrive.plan import RedrivePlan, records_of, refuse_stale
from headrace.console.replay.redrive.position import PositionTracker
from headrace.console.replay.redrive.selection import CandidateLetter, in_key_order, predecessors
from headrace.console.replay.redrive.watch import RedriveWatch
from headrace.console.terminal.formatting import pluralize
from headrace.console.terminal.progress_bar import Advance, bar
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import SyncProducer
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.runtime.token_bucket import TokenBucket
from headrace.streams.engine.dlq import RedriveInfo, redrive_record

COMMIT_SECONDS = 1.0
FLUSH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RedriveOptions:
    """How fast, and how carefully.

    `rate` is letters a second, 0 for as fast as it goes. Of the first `canary` letters no larger share than
    `tolerated` may fail again, and all have to end within `wait` seconds; so long the others are waited for, too.
    """

    rate: float = 100.0
    canary: int = 10
    max_failure_share: float = 0.1
    wait: float = 60.0


class CanaryFailedError(CommandError):
    """What was sent first did not end well, so the rest was not sent."""


def execute(cluster: KafkaAdmin, plan: RedrivePlan, action: AuditEntry, pace: RedriveOptions) -> RedriveOutcomes:
    """Send what a plan says, and give what has become of it. What happened is on the log, however it ends.

    Raises `Refused` while another redrive of the stage runs, and `CanaryFailed`.
    """
    _await_free(cluster, plan.group)
    sending = Redriver(cluster, plan, action, pace)
    with sending.orders, journal.recorded(cluster, action, lambda: sending.sent):
        sending.run()
    if not pace.wait:  # nobody waits, so that there is nothing to be read either
        sending.watch.outcomes.unseen = sending.sent
        return sending.watch.outcomes
    return sending.watch.until_ended(sending.sent, pace.wait)


class Redriver:
    """One run. Whatever ends it, what was sent is known by the log, and the next run goes on from there."""

    def __init__(self, cluster: KafkaAdmin, plan: RedrivePlan, action: AuditEntry, pace: RedriveOptions) -> None:
        self._cluster = cluster
        self._plan = plan
        self._topic = plan.topic
        self._action = action
        self._pace = pace
        self._replay = RedriveInfo(action.id, action.by, action.reason)
        self._post = SyncProducer(clients.producer(cluster.settings))
        self._seat = GroupLock(cluster.settings, plan.group, plan.topic, len(plan.standings))
        self._bucket = TokenBucket(pace.rate) if pace.rate else None
        self._positions = PositionTracker(plan.standings, plan.unanswered())
        self._taken: list[CandidateLetter] = []
        self._committed: dict[TopicAndPartition, CommittedOffset] = {}
        self._commit_at = 0.0
        self._advance: Advance = lambda _: None
        self.sent = 0
        """How many records the retry topic has taken."""
        self.watch = RedriveWatch(cluster, plan.stage, action.id)
        self.orders = ReplayControl(cluster, action)

    def run(self) -> None:
        """Send the letters, the oldest first. Raises `CanaryFailed`."""
        going = self._plan.selected()
        first = going[: self._pace.canary]
        with self._seat, _without_collections():
            refuse_stale(self._cluster, self._plan, self._action.id)
            try:
                self._begin()
                with bar(f"redriving {self._plan.stage.name}", len(going)) as self._advance:
                    self._send(first)
                    if first and len(first) < len(going):
                        self._settle()
                        self._judge(len(first))
                    self._send(going[len(first) :])
            finally:
                self._settle()

    def _begin(self) -> None:
        """Take note of a position that was set by hand, before anything is sent that would count as sent before."""
        was_set = [(partition, each) for partition, each in self._plan.standings.items() if each.was_set]
        self._seat.commit({(self._topic, partition): each.position for partition, each in was_set})
        now = timestamp(datetime.now(UTC))
        for letter in self._plan.letters:
            if letter.verdict == "superseded":
                self._post.send(self._decision(letter, "superseded", "a newer version of the object is known", now))
            elif letter.verdict == "redriven" and not self._plan.is_decided(letter):
                self._post.send(self._decision(letter, "redriven", "by a redrive that was cut short", now))

    def _send(self, letters: Sequence[CandidateLetter]) -> None:
        own = {letter.spot: letter for letter in letters}
        records = records_of(self._cluster, self._topic, letters)
        for record in in_key_order(records, predecessors(letters)):
            self._wait_for_a_token()
            letter = own[record.partition, record.offset]
            self._post.send(redrive_record(record, self._replay), partial(self._take, letter))
            self._answer()
            if time.monotonic() >= self._commit_at:
                self._commit()
                self.orders.check(self.sent, self._idle)

    def _wait_for_a_token(self) -> None:
        if self._bucket is None:
            return
        until = time.monotonic() + self._bucket.wait_seconds()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, COMMIT_SECONDS))
            self._post.serve()
            self._answer()
            self._commit()
            self.orders.check(self.sent, self._idle)

    def _idle(self) -> None:
        """Hear of what was sent and keep the place, while nothing more is sent."""
        self._post.serve()
        self._answer()
        self._commit()

    def _take(self, letter: CandidateLetter) -> None:
        self._taken.append(letter)

    def _answer(self) -> None:
        """Write down for others to see which letters went back; then they are answered for."""
        if not self._taken:
            return
        taken, self._taken = self._taken, []
        self.sent += len(taken)
        self._advance(len(taken))
        now = timestamp(datetime.now(UTC))
        for letter in taken:
            said = self._decision(letter, "redriven", f"replay {self._action.id}", now)
            self._post.send(said, partial(self._positions.answered, letter.spot))

    def _settle(self) -> None:
        """Wait until all that was sent is on the log, and commit."""
        self._post.flush(FLUSH_SECONDS)
        self._answer()
        self._post.flush(FLUSH_SECONDS)
        self._commit()

    def _commit(self) -> None:
        self._seat.keep()
        now = {(self._topic, partition): each for partition, each in self._positions.now().items()}
        changed = {place: each for place, each in now.items() if self._committed.get(place) != each}
        self._seat.commit(changed)
        self._committed |= changed
        self._commit_at = time.monotonic() + COMMIT_SECONDS

    def _judge(self, first: int) -> None:
        """Wait for what becomes of the first letters. Raises `CanaryFailed` when too many fail or do not end."""
        outcomes = self.watch.until_ended(first, self._pace.wait, self._seat.keep)
        counts = outcomes.counts()
        if counts["failed"] > self._pace.max_failure_share * first:
            codes = ", ".join(sorted(outcomes.codes()))
            raise CanaryFailedError(
                f"{counts['failed']} of the first {pluralize(first, 'letter')} failed again ({codes}): the rest was not"
                " sent. Mend the cause, then redrive again; or allow more with --tolerate"
            )
        if counts["done"] + counts["failed"] < first:
            raise CanaryFailedError(
                f"{first - counts['done'] - counts['failed']} of the first {pluralize(first, 'letter')} have not ended"
                f" after {self._pace.wait:g} s: the rest was not sent. Look at headrace status; or wait longer: --wait"
            )

    def _decision(self, letter: CandidateLetter, kind: DispositionKind, why: str, at: str) -> ProducerRecord:
        place = f"{self._topic}/{letter.partition}/{letter.offset}"
        return message(Disposition(letter.id, kind, why, self._action.by, at, place))


@contextmanager
def _without_collections() -> Iterator[None]:
    """Look for no garbage in cycles: records are many small objects without any, and to look takes two thirds again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _await_free(cluster: KafkaAdmin, group: str) -> None:
    """Wait until a redrive that was killed no longer counts as there. Raises `Refused` when one is really there."""
    deadline = time.monotonic() + SESSION_SECONDS + 2.0
    while members := cluster.members(group):
        if time.monotonic() > deadline:
            raise CommandError(
                f"another redrive has the group {group}: {'; '.join(members)}. Wait for its end, or end it"
            )
        time.sleep(0.5)
