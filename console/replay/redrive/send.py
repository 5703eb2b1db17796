"""Execute a redrive: a canary first, then the rest. Acknowledged dead letters are resolved."""

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
    """Rate and safety limits of a redrive.

    `rate` is in dead letters per second, 0 for no limit. Of the first `canary` dead letters at most the share
    `max_failure_share` may fail, and all must end within `wait` seconds. The rest is also awaited for `wait` seconds.
    """

    rate: float = 100.0
    canary: int = 10
    max_failure_share: float = 0.1
    wait: float = 60.0


class CanaryFailedError(CommandError):
    """The canary failed or did not end in time; the rest was not sent."""


def execute(cluster: KafkaAdmin, plan: RedrivePlan, action: AuditEntry, options: RedriveOptions) -> RedriveOutcomes:
    """Execute a plan and return the outcomes. The audit log records the end in every case.

    Raises:
        CommandError: another redrive of the stage is running.
        CanaryFailedError: the canary failed.
    """
    _await_free(cluster, plan.group)
    redriver = Redriver(cluster, plan, action, options)
    with redriver.control, journal.recorded(cluster, action, lambda: redriver.sent):
        redriver.run()
    if not options.wait:
        redriver.watch.outcomes.unchecked = redriver.sent
        return redriver.watch.outcomes
    return redriver.watch.until_ended(redriver.sent, options.wait)


class Redriver:
    """One run of a redrive. The next run continues from the records in the retry topic."""

    def __init__(self, cluster: KafkaAdmin, plan: RedrivePlan, action: AuditEntry, options: RedriveOptions) -> None:
        self._cluster = cluster
        self._plan = plan
        self._topic = plan.topic
        self._action = action
        self._options = options
        self._replay = RedriveInfo(action.id, action.by, action.reason)
        self._producer = SyncProducer(clients.producer(cluster.settings))
        self._lock = GroupLock(cluster.settings, plan.group, plan.topic, len(plan.positions))
        self._bucket = TokenBucket(options.rate) if options.rate else None
        self._positions = PositionTracker(plan.positions, plan.unresolved())
        self._acknowledged: list[CandidateLetter] = []
        self._committed: dict[TopicAndPartition, CommittedOffset] = {}
        self._commit_at = 0.0
        self._advance: Advance = lambda _: None
        self.sent = 0
        """The number of records acknowledged by the retry topic."""
        self.watch = RedriveWatch(cluster, plan.stage, action.id)
        self.control = ReplayControl(cluster, action)

    def run(self) -> None:
        """Send the dead letters, oldest first. Raises `CanaryFailedError`."""
        letters = self._plan.selected()
        canary = letters[: self._options.canary]
        with self._lock, _gc_disabled():
            refuse_stale(self._cluster, self._plan, self._action.id)
            try:
                self._record_known()
                with bar(f"redriving {self._plan.stage.name}", len(letters)) as self._advance:
                    self._send(canary)
                    if canary and len(canary) < len(letters):
                        self._flush()
                        self._check_canary(len(canary))
                    self._send(letters[len(canary) :])
            finally:
                self._flush()

    def _record_known(self) -> None:
        """Commit positions that were set manually and record known dispositions, before the first record is sent."""
        was_set = [(partition, each) for partition, each in self._plan.positions.items() if each.was_set]
        self._lock.commit({(self._topic, partition): each.position for partition, each in was_set})
        now = timestamp(datetime.now(UTC))
        for letter in self._plan.letters:
            if letter.verdict == "superseded":
                self._producer.send(
                    self._disposition(letter, "superseded", "a newer version of the object exists", now)
                )
            elif letter.verdict == "redriven" and not self._plan.has_disposition(letter):
                self._producer.send(self._disposition(letter, "redriven", "by an interrupted redrive", now))

    def _send(self, letters: Sequence[CandidateLetter]) -> None:
        own = {letter.spot: letter for letter in letters}
        records = records_of(self._cluster, self._topic, letters)
        for record in in_key_order(records, predecessors(letters)):
            self._wait_for_token()
            letter = own[record.partition, record.offset]
            self._producer.send(redrive_record(record, self._replay), partial(self._take, letter))
            self._resolve_acknowledged()
            if time.monotonic() >= self._commit_at:
                self._commit()
                self.control.check(self.sent, self._idle)

    def _wait_for_token(self) -> None:
        if self._bucket is None:
            return
        until = time.monotonic() + self._bucket.wait_seconds()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, COMMIT_SECONDS))
            self._producer.serve()
            self._resolve_acknowledged()
            self._commit()
            self.control.check(self.sent, self._idle)

    def _idle(self) -> None:
        """Process acknowledgements and stay in the group while nothing is sent."""
        self._producer.serve()
        self._resolve_acknowledged()
        self._commit()

    def _take(self, letter: CandidateLetter) -> None:
        self._acknowledged.append(letter)

    def _resolve_acknowledged(self) -> None:
        """Write a disposition for each acknowledged dead letter, then resolve it."""
        if not self._acknowledged:
            return
        acknowledged, self._acknowledged = self._acknowledged, []
        self.sent += len(acknowledged)
        self._advance(len(acknowledged))
        now = timestamp(datetime.now(UTC))
        for letter in acknowledged:
            disposition = self._disposition(letter, "redriven", f"replay {self._action.id}", now)
            self._producer.send(disposition, partial(self._positions.resolve, letter.spot))

    def _flush(self) -> None:
        """Wait until Kafka has acknowledged every record, and commit."""
        self._producer.flush(FLUSH_SECONDS)
        self._resolve_acknowledged()
        self._producer.flush(FLUSH_SECONDS)
        self._commit()

    def _commit(self) -> None:
        self._lock.keep()
        now = {(self._topic, partition): each for partition, each in self._positions.now().items()}
        changed = {place: each for place, each in now.items() if self._committed.get(place) != each}
        self._lock.commit(changed)
        self._committed |= changed
        self._commit_at = time.monotonic() + COMMIT_SECONDS

    def _check_canary(self, sent: int) -> None:
        """Wait for the outcomes of the canary. Raises `CanaryFailedError` if too many fail or do not end."""
        outcomes = self.watch.until_ended(sent, self._options.wait, self._lock.keep)
        counts = outcomes.counts()
        if counts["failed"] > self._options.max_failure_share * sent:
            codes = ", ".join(sorted(outcomes.codes()))
            raise CanaryFailedError(
                f"{counts['failed']} of the first {pluralize(sent, 'dead letter')} failed again ({codes}); the rest was"
                " not sent. Fix the cause and run the command again, or raise --max-failures"
            )
        if counts["done"] + counts["failed"] < sent:
            raise CanaryFailedError(
                f"{sent - counts['done'] - counts['failed']} of the first {pluralize(sent, 'dead letter')} have not"
                f" ended after {self._options.wait:g} s; the rest was not sent. Check: headrace status. Or raise --wait"
            )

    def _disposition(self, letter: CandidateLetter, kind: DispositionKind, why: str, at: str) -> ProducerRecord:
        place = f"{self._topic}/{letter.partition}/{letter.offset}"
        return message(Disposition(letter.id, kind, why, self._action.by, at, place))


@contextmanager
def _gc_disabled() -> Iterator[None]:
    """Disable the garbage collector: records have no cycles, and collections cost two thirds of the run time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _await_free(cluster: KafkaAdmin, group: str) -> None:
    """Wait until the session of a killed redrive expires. Raises `CommandError` if another redrive is running."""
    deadline = time.monotonic() + SESSION_SECONDS + 2.0
    while members := cluster.members(group):
        if time.monotonic() > deadline:
            raise CommandError(
                f"another redrive holds the group {group}: {'; '.join(members)}."
                " Wait for it to end, or run: headrace replay stop ID"
            )
        time.sleep(0.5)
