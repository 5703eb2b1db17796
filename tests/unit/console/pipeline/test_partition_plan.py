"""Tests of the plan for more partitions."""

from __future__ import annotations

from dataclasses import replace

from headrace.console.kafka.offsets import GroupState, OffsetRange
from headrace.console.pipeline.partition_plan import (
    ReadingState,
    arrived,
    obstacles,
    plan_partitions,
    reading_stages,
)
from headrace.schemas import topics
from headrace.streams.stages import machines
from tests.support.stages import get_stages

LABELS, SCAN = get_stages(["labels", "scan"])
STAGES = (LABELS, SCAN)
TABLE = topics.table(stage.name for stage in STAGES)
COUNTS = {topic.name: topic.partitions for topic in TABLE}


def test_equal_numbers_need_no_change() -> None:
    plan = plan_partitions(TABLE, COUNTS, STAGES)
    assert (plan.changes, plan.kept) == ((), ())
    assert reading_stages(plan, STAGES) == ()


def test_more_partitions_are_planned_with_the_stages_that_read_the_topic() -> None:
    wanted = topics.with_partitions(TABLE, {"media.ready": 16, "scan.retry": 8, "labels.dlq": 6})
    plan = plan_partitions(wanted, COUNTS, STAGES)
    assert {(each.topic, each.now, each.wanted, each.readers) for each in plan.changes} == {
        ("media.ready", 4, 16, ("labels",)),
        ("scan.retry", 4, 8, ("scan",)),
        ("labels.dlq", 4, 6, ()),
    }
    assert plan.kept == ()
    assert reading_stages(plan, STAGES) == STAGES


def test_fewer_partitions_and_compacted_topics_are_kept() -> None:
    wanted = [replace(topics.READY, partitions=2), replace(topics.MACHINE_STATE, partitions=8)]
    plan = plan_partitions(wanted, {"media.ready": 4, "machines.state": 4, "other": 1}, STAGES)
    assert plan.changes == ()
    assert [(each.topic, each.reason.split()[0]) for each in plan.kept] == [
        ("media.ready", "Kafka"),
        ("machines.state", "it"),
    ]


def test_missing_topics_are_left_out() -> None:
    plan = plan_partitions(topics.with_partitions(TABLE, {"media.ready": 16}), {}, STAGES)
    assert (plan.changes, plan.kept) == ((), ())


def test_topics_of_an_ordered_stage_keep_the_same_number() -> None:
    stages = (machines.STAGE,)
    table = topics.table([machines.STAGE.name])
    counts = {topic.name: topic.partitions for topic in table}
    plan = plan_partitions(topics.with_partitions(table, {topics.ALL_TOPICS: 8}), counts, stages)
    reasons = {each.topic: each.reason for each in plan.kept}
    assert "is ordered" in reasons["machines.inbox"]
    assert "is ordered" in reasons["machines.retry"]
    assert "compacted" in reasons["machines.state"]
    assert not {"machines.inbox", "machines.retry"} & {each.topic for each in plan.changes}


def test_ordered_stage_may_change_all_of_its_topics() -> None:
    ordered = replace(LABELS, ordered=True)
    wanted = topics.with_partitions(TABLE, {topics.ALL_TOPICS: 8})
    assert plan_partitions(wanted, COUNTS, [ordered]).kept == ()
    one = topics.with_partitions(TABLE, {"media.ready": 8})
    assert "media.ready 8" in plan_partitions(one, COUNTS, [ordered]).kept[0].reason


def test_unfinished_records_and_running_workers_are_obstacles() -> None:
    spans = {
        ("media.ready", 0): OffsetRange(5, 9),  # read to its end
        ("media.ready", 1): OffsetRange(0, 1500),  # 1,499 unfinished
        ("labels.retry", 0): OffsetRange(7, 9),  # never read
        ("labels.retry", 1): OffsetRange(7, 7),  # expired
        ("media.uploaded", 0): OffsetRange(0, 9),  # of another stage
    }
    groups = {
        LABELS.group: GroupState(2, {("media.ready", 0): 9, ("media.ready", 1): 1}),
        SCAN.group: GroupState(0, {("media.uploaded", 0): 9}),
    }
    assert obstacles(STAGES, ReadingState(groups, spans)) == [
        "labels: 1,499 unfinished records of media.ready",
        "labels: 2 unfinished records of labels.retry",
        "labels: stop its workers, 2 consumers run",
    ]


def test_expired_records_are_not_unfinished() -> None:
    groups = {LABELS.group: GroupState(0, {("media.ready", 0): 3})}
    assert obstacles([LABELS], ReadingState(groups, {("media.ready", 0): OffsetRange(9, 9)})) == []


def test_records_that_arrived_meanwhile_are_counted_on_old_partitions() -> None:
    before = {("media.ready", 0): OffsetRange(0, 9), ("media.ready", 1): OffsetRange(0, 2)}
    after = before | {("media.ready", 0): OffsetRange(0, 12), ("media.ready", 2): OffsetRange(0, 5)}
    assert arrived(before, after) == 3
    assert arrived(before, before) == 0
