"""Costs, replays and worker reports are the same from the views and from the log."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from headrace.console.kafka.entry import LogEntry
from headrace.console.pipeline.spent import CostGroup, ranked, spent
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry, ControlMessage
from headrace.console.views.queries import operations
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.worker.status_reports import StageStatusReport
from tests.support import records
from tests.support.records import NOW
from tests.unit.console.asset_history import entry, labelled, projection_of
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets

DAY = 24 * 3600
CAT, DOG = records.asset(), records.asset("photos/dog\x00.jpg")
NEW_CAT = records.asset(sequencer="0B", version="e2")
COSTS = [
    entry(labelled(CAT, 0.1), 1, stage="labels"),
    entry(labelled(CAT, 0.1), 1, stage="labels"),
    entry(labelled(NEW_CAT, 0.2), DAY, stage="labels"),
    entry(labelled(DOG, 0.3), 2, stage="labels"),
    entry(labelled(records.asset("free.jpg"), 0.0), 2, stage="labels"),
    entry(labelled(records.asset("tiny.jpg"), 0.000001), 3 * DAY, stage="faces"),
]


def control(topic: str, *records: tuple[str, bytes | None]) -> list[LogEntry]:
    return [
        LogEntry(ConsumerRecord(topic, 0, offset, NOW.timestamp(), key.encode(), value))
        for offset, (key, value) in enumerate(records)
    ]


@pytest.mark.parametrize("by", get_args(CostGroup))
def test_costs_are_the_same_as_from_the_log(by: CostGroup) -> None:
    log = at_offsets(COSTS)
    expected = spent(projection_of(*log), by)
    with FoldedViews(log).connect() as connection:
        assert ranked(operations.spent_nanos(connection, by), by) == expected
    assert sum(expected.values()) == pytest.approx(0.600001, abs=1e-9)


def test_equal_costs_are_ordered_by_name() -> None:
    assert list(ranked({"b": 1, "a": 1, "c": 2}, "asset")) == ["c", "a", "b"]


def replay(id_: str, state: audit.ReplayState, reason: str = "") -> bytes:
    return msgspec.json.encode(
        AuditEntry(id_, "redrive", state, "probe", "g", "ann", "2026-03-14T15:09:26Z", "all", reason)
    )


def test_replays_are_the_same_as_from_the_log() -> None:
    pause = msgspec.json.encode(ControlMessage("pause", "b", "ann", "2026-03-14T15:09:26Z"))
    log = control(
        topics.AUDIT.name,
        ("b", replay("b", "begun")),
        ("a", replay("a", "begun", "\x00")),
        ("b", pause),
        ("x", b"junk"),
        ("b", replay("b", "done")),
    )
    expected = audit.read(each.record.value for each in log)
    with FoldedViews(log).connect() as connection:
        entries = operations.audit_entries(connection)
    assert entries == expected
    assert list(entries) == list(expected) == ["b", "a"]


def test_reports_are_the_last_of_each_worker() -> None:
    first, last = (StageStatusReport("labels", "w1", state, "", NOW) for state in ("working", "paused"))
    log = control(
        topics.WORKERS.name,
        ("labels/w1", msgspec.json.encode(first)),
        ("faces/w1", msgspec.json.encode(first)),
        ("labels/w1", msgspec.json.encode(last)),
        ("faces/w1", None),
        ("x", b"junk"),
    )
    with FoldedViews(log).connect() as connection:
        assert operations.worker_reports(connection) == [last]
