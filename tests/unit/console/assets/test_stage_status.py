"""Progress of stages from offsets and worker reports."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from headrace.console.assets.stage_status import (
    GroupOffsets,
    PipelineStatus,
    StageStatus,
    stage_status,
    topic_statuses,
    unfinished,
)
from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.streams.worker.status_reports import StageStatusReport
from tests.support.stages import get_stages

[SCAN] = get_stages(["scan"])
[LABELS] = get_stages(["labels"])
UPLOADED: TopicAndPartition = ("media.uploaded", 0)
SPANS = {
    UPLOADED: OffsetRange(0, 10),
    ("media.uploaded", 1): OffsetRange(5, 5),
    ("scan.retry", 0): OffsetRange(0, 2),
    ("scan.dlq", 0): OffsetRange(0, 3),
    ("media.ready", 0): OffsetRange(0, 99),
}


def scan(
    committed: dict[TopicAndPartition, int], oldest: dict[TopicAndPartition, float] | None = None, members: int = 1
) -> StageStatus:
    groups = {"headrace.scan": GroupState(members, committed)}
    return stage_status(SCAN, GroupOffsets(SPANS, groups, oldest or {}), now=100.0)


def test_caught_up_stage_has_no_lag() -> None:
    found = scan({UPLOADED: 10, ("scan.retry", 0): 2})
    assert (found.lag, found.lag_seconds, found.finished) == (0, 0.0, 12)


def test_lag_excludes_records_waiting_for_a_retry() -> None:
    found = scan({UPLOADED: 7, ("scan.retry", 0): 1}, {UPLOADED: 60.0, ("scan.retry", 0): 40.0})
    assert (found.lag, found.lag_seconds, found.waiting) == (3, 40.0, 1)


def test_stage_without_commits_lags_by_every_record() -> None:
    found = scan({}, members=0)
    assert (found.members, found.lag, found.waiting, found.finished) == (0, 10, 2, 0)


def test_retries_and_dead_letters_are_counted_on_the_stages_topics() -> None:
    found = scan({UPLOADED: 10})
    assert (found.retried, found.dead_lettered) == (2, 3)


def test_lag_excludes_expired_records() -> None:
    groups = {"headrace.scan": GroupState(1, {UPLOADED: 2})}
    found = stage_status(SCAN, GroupOffsets({UPLOADED: OffsetRange(8, 10)}, groups, {}), now=0.0)
    assert found.lag == 2


def test_age_is_never_negative() -> None:
    assert scan({UPLOADED: 9}, {UPLOADED: 101.0}).lag_seconds == 0.0


def test_oldest_record_is_read_only_from_lagging_partitions() -> None:
    group = GroupState(1, {UPLOADED: 10, ("scan.retry", 0): 1})
    assert unfinished(SCAN, SPANS, group) == {("scan.retry", 0): 1}


@pytest.mark.parametrize(("topic", "partitions", "records"), [("media.uploaded", 2, 10), ("scan.dlq", 1, 3)])
def test_topic_status_sums_its_partitions(topic: str, partitions: int, records: int) -> None:
    [found] = [each for each in topic_statuses(SPANS) if each.topic == topic]
    assert (found.partitions, found.records) == (partitions, records)


def test_status_json_keeps_its_fields() -> None:
    status = PipelineStatus(("localhost:9092",), (scan({}),), topic_statuses(SPANS))
    found = json.loads(json.dumps(asdict(status)))
    assert set(found) == {"brokers", "stages", "topics"}
    assert set(found["topics"][0]) == {"topic", "partitions", "records"}
    assert set(found["stages"][0]) == {
        "stage",
        "group",
        "members",
        "lag",
        "lag_seconds",
        "waiting",
        "finished",
        "retried",
        "dead_lettered",
        "paused",
        "lost",
        "shadowed",
    }


def test_paused_stage_has_the_reason() -> None:
    waits = StageStatusReport("scan", "host-7", "paused", "no bucket", datetime(2026, 3, 14, tzinfo=UTC))
    others = StageStatusReport("probe", "host-7", "paused", "no bucket", waits.since)
    works = StageStatusReport("scan", "host-8", "working", "", waits.since)
    assert with_reports(waits, others, works).paused == ("host-7: no bucket",)


def test_reports_of_stopped_workers_are_ignored() -> None:
    waits = StageStatusReport("scan", "host-7", "paused", "no bucket", datetime(2026, 3, 14, tzinfo=UTC))
    assert with_reports(waits, members=0).paused == ()


def with_reports(*reports: StageStatusReport, members: int = 1) -> StageStatus:
    offsets = GroupOffsets(SPANS, {SCAN.group: GroupState(members, {})}, {}, reports)
    return stage_status(SCAN, offsets, 0.0)
