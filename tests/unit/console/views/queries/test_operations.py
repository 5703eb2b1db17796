"""Costs, replays and worker reports are the same from the views and from the log."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.pipeline.spent import CostGroup, ranked, saved, spent
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry, ControlMessage
from headrace.console.views.queries import activity, operations
from headrace.schemas import topics
from headrace.schemas.ids import named_id
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Asset
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.worker.status_reports import StageStatusReport
from tests.support import records
from tests.support.records import CODEC, NOW, arrived
from tests.unit.console.asset_history import after, entry, labelled, projection_of
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


def reused(of: Asset, source: str, saved: str, seconds: float) -> LogEntry:
    """Return a result that repeats another one."""
    event = replace(labelled(of), charges=())
    metadata = records.envelope(
        event,
        id=named_id(event.EVENT, of.key),
        source="headrace/labels",
        time=after(seconds),
        reused_from=source,
        saved_usd=saved,
    )
    return open_record(arrived(to_producer_record(event, metadata, CODEC)), CODEC)


REUSED = [
    entry(labelled(CAT, 0.1), 1, stage="labels"),
    reused(DOG, "media/photos/cat.jpg@e1", "0.100000", 1),
    reused(DOG, "media/photos/cat.jpg@e1", "0.100000", 1),
    reused(records.asset("\udc80\x07 é.jpg".encode(errors="ignore").decode()), "media/\x1b[31m@e1", "0.1", 2),
    reused(records.asset("forged.jpg"), "media/photos/cat.jpg@e1", "nan", 3),
]


@pytest.mark.parametrize("by", get_args(CostGroup))
def test_savings_are_the_same_as_from_the_log(by: CostGroup) -> None:
    log = at_offsets(REUSED)
    expected = saved(projection_of(*log), by)
    with FoldedViews(log).connect() as connection:
        assert ranked(operations.saved_nanos(connection, by), by) == expected
        assert sum(ranked(operations.spent_nanos(connection, by), by).values()) == pytest.approx(0.1)
        means = activity.mean_costs(connection, NOW.timestamp() + DAY, 2)
    assert sum(expected.values()) == pytest.approx(0.2)
    assert means == {"labels": pytest.approx(100_000_000)}


def test_summary_of_a_reused_result_names_its_source() -> None:
    [version] = projection_of(*at_offsets(REUSED)).versions("media/photos/dog\x00.jpg")
    assert version.stages["labels"].summary.endswith(", reused from media/photos/cat.jpg@e1")


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
