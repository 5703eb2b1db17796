"""The follow loop of `headrace replay watch`, without a broker or a clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from msgspec.structs import replace

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.console.replay import follow, journal
from headrace.console.replay.audit import AuditEntry, OffsetShift
from headrace.console.replay.redrive import watch as redrive_watch
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from tests.unit.console.asset_history import a_stage

ENTRY = AuditEntry("r1", "redrive", "begun", "scan", "g", "ada", "2026-03-14T15:09:26.000Z", "all dead letters")
DONE = replace(ENTRY, state="done")


class Clock:
    """A clock that only `sleep` advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Watch:
    """Returns one outcome count per poll; the last one repeats."""

    def __init__(self, *waiting: int) -> None:
        self._waiting = list(waiting)

    def look(self) -> RedriveOutcomes:
        outcomes = RedriveOutcomes("r1", "scan")
        outcomes.unchecked = self._waiting.pop(0) if len(self._waiting) > 1 else self._waiting[0]
        return outcomes


class Offsets:
    """A cluster whose group has these committed offsets."""

    def __init__(self, offsets: Mapping[TopicAndPartition, int] | None = None) -> None:
        self._offsets = offsets or {}

    def positions(self, group: str, partitions: list[TopicAndPartition]) -> dict[TopicAndPartition, CommittedOffset]:
        return {each: CommittedOffset(self._offsets[each]) for each in partitions if each in self._offsets}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(follow, "time", clock)
    return clock


def run(monkeypatch: pytest.MonkeyPatch, entries: list[AuditEntry], watch: Watch | None, seconds: float = 60.0) -> Any:
    """Follow a replay whose audit entry changes with each poll."""

    def read_entries(_: object) -> dict[str, AuditEntry]:
        return {"r1": entries.pop(0) if len(entries) > 1 else entries[0]}

    monkeypatch.setattr(journal, "read_entries", read_entries)
    monkeypatch.setattr(redrive_watch, "since", lambda *_: watch)
    stage = a_stage("scan") if watch is not None else None
    return follow.follow(cast(KafkaAdmin, Offsets()), ENTRY, stage, seconds)


def test_returns_once_the_replay_is_over(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    entry, outcomes = run(monkeypatch, [ENTRY, replace(ENTRY, state="paused"), DONE], None)
    assert (entry, outcomes) == (DONE, None)
    assert clock.now == 2 * follow.POLL_SECONDS


def test_waits_for_the_sent_records_after_the_replay_is_over(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    _, outcomes = run(monkeypatch, [DONE], Watch(3, 1, 0))
    assert outcomes.counts()["waiting"] == 0
    assert clock.now == 2 * follow.POLL_SECONDS


def test_gives_up_after_the_deadline(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    entry, outcomes = run(monkeypatch, [DONE], Watch(3), seconds=5.0)
    assert (entry.state, outcomes.counts()["waiting"]) == ("done", 3)
    assert clock.now == pytest.approx(5.0, abs=2 * follow.POLL_SECONDS)


def test_counts_processed_records_by_committed_offsets() -> None:
    shifts = tuple(OffsetShift("t", number, None, 10, 4) for number in range(3))
    cluster = cast(KafkaAdmin, Offsets({("t", 0): 10, ("t", 1): 5}))
    assert follow._counts(cluster, replace(ENTRY, shifts=shifts), None) == {"sent": 7}


def test_rate_covers_the_last_samples() -> None:
    rate = follow.ProgressRate(0.0)
    assert rate.now(100, 0.0) == 0.0
    assert rate.now(110, 1.0) == 10.0
    assert rate.now(150, 2.0) == 25.0
