"""The accounting check finds records without an outcome, and losses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.console.assets.accounting import AccountReport, TopicAccount, account_report
from headrace.console.assets.losses import acknowledgements, remedy
from headrace.console.assets.stage_status import GroupOffsets, stage_status
from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.console.terminal.timespec import parse_time
from headrace.schemas import topics
from headrace.streams.engine.account import Account, to_metadata
from headrace.streams.engine.losses import LostRange, RecordsLost, from_value, records_lost
from tests.support.stages import get_stages

[SCAN] = get_stages(["scan"])
UPLOADED: TopicAndPartition = ("media.uploaded", 0)
RETRY: TopicAndPartition = ("scan.retry", 0)
NOW = datetime(2026, 3, 14, 15, tzinfo=UTC)
LOSS = records_lost("scan", LostRange("media.uploaded", 0, 3, 10, 1_000.0), NOW)


ALL, TWO = OffsetRange(0, 20), OffsetRange(0, 2)


def report(
    committed: int = 20,
    span: OffsetRange = ALL,
    retries: OffsetRange = TWO,
    letters: int = 3,
    losses: tuple[RecordsLost, ...] = (),
    **counts: Any,
) -> AccountReport:
    spans = {UPLOADED: span, RETRY: retries, ("scan.dlq", 0): OffsetRange(0, letters)}
    group = GroupState(
        1,
        {UPLOADED: committed, RETRY: retries.high},
        {UPLOADED: to_metadata(Account(**counts)), RETRY: to_metadata(Account(done=retries.high))},
    )
    return account_report([SCAN], spans, {SCAN.group: group}, losses)


def test_balanced_account_has_no_problems() -> None:
    found = report(16, done=10, superseded=1, dead_lettered=3, retried=2)

    assert found.problems == ()
    assert found.accounts[0] == TopicAccount("scan", "media.uploaded", 20, 10, 1, 3, 2, waiting=4)


@pytest.mark.parametrize(("done", "outcomes"), [(14, "no outcome"), (16, "two outcomes")])
def test_record_without_an_outcome_or_with_two_is_a_problem(done: int, outcomes: str) -> None:
    [problem] = report(20, done=done, dead_lettered=3, retried=2).problems

    assert problem == f"scan: 1 records of media.uploaded have {outcomes}"


def test_missing_retries_and_dead_letters_are_problems() -> None:
    found = report(20, retries=OffsetRange(0, 1), letters=2, done=15, dead_lettered=3, retried=2)

    assert found.problems == (
        "scan: 2 records were retried, but scan.retry received 1",
        "scan: 3 records were dead-lettered, but scan.dlq received 2",
    )


def test_loss_is_a_problem_until_it_is_acknowledged() -> None:
    counts: dict[str, Any] = {"done": 13, "lost": 7}
    [problem] = report(20, OffsetRange(10, 20), losses=(LOSS,), **counts).problems
    [record] = acknowledgements([LOSS], [LOSS.id], "operator@host", "backfilled", NOW)
    acknowledged = from_value(record.value or b"")
    assert acknowledged is not None

    assert "scan lost 7 records of media.uploaded/0: offsets 3 to 9" in problem
    assert "headrace backfill s3://BUCKET --since 1970-01-01T00:16:40" in problem
    assert f"headrace audit acknowledge {LOSS.id}" in problem
    assert (record.topic, record.key) == (topics.LOSSES.name, LOSS.id.encode())
    assert report(20, OffsetRange(10, 20), losses=(acknowledged,), **counts).problems == ()


def test_records_deleted_ahead_of_a_stopped_stage_are_lost_before_it_starts() -> None:
    found = report(3, OffsetRange(10, 12), done=3)

    assert (found.accounts[0].lost, found.accounts[0].waiting) == (7, 2)
    assert found.accounts[0].unrecorded == 7
    [problem] = found.problems
    assert problem.startswith("scan: 7 records of media.uploaded were deleted before it read them; a worker records")


def test_loss_that_no_worker_recorded_is_a_problem() -> None:
    earlier = records_lost("scan", LostRange("media.uploaded", 0, 3, 6), NOW)
    found = report(20, OffsetRange(10, 20), losses=(earlier,), done=13, lost=7)

    assert found.accounts[0].unrecorded == 4
    assert found.problems[0].startswith("scan: 4 records of media.uploaded were deleted")


def test_loss_recorded_by_a_worker_that_crashed_before_its_commit_counts_once() -> None:
    group = GroupState(0, {UPLOADED: 3}, {UPLOADED: to_metadata(Account(done=3))})
    spans = {UPLOADED: OffsetRange(10, 10)}

    assert report(3, OffsetRange(10, 10), losses=(LOSS,), done=3).accounts[0].unrecorded == 0
    assert stage_status(SCAN, GroupOffsets(spans, {SCAN.group: group}, {}, (), (LOSS,)), 0.0).lost == 7


@pytest.mark.parametrize(
    ("topic", "command"),
    [
        ("media.uploaded", "headrace backfill s3://BUCKET --since 1970-01-01T00:16:40.000Z --execute"),
        ("media.scanned", "headrace replay rewind scan --to 1970-01-01T00:16:40.000Z --execute"),
        ("ready.retry", "headrace replay rewind ready --to 1970-01-01T00:16:40.000Z --execute"),
        ("jobs.finished", "publish the records of jobs.finished again"),
    ],
)
def test_remedy_is_a_command_that_exists(topic: str, command: str) -> None:
    loss = records_lost("ready", LostRange(topic, 0, 3, 10, 1_000.0), NOW)

    assert remedy(loss, get_stages(["scan", "ready"])) == command
    assert parse_time(loss.after, 0.0) == 1_000.0


@pytest.mark.parametrize("time", [-0.001, 0.0, 1e300, float("nan")])
def test_remedy_names_no_time_when_the_records_had_none(time: float) -> None:
    loss = records_lost("scan", LostRange("media.uploaded", 0, 3, 10, time, time), NOW)

    assert remedy(loss, [SCAN]) == "headrace backfill s3://BUCKET --execute"
    assert "between an unknown time and 2026-03-14T15:00:00.000Z" in loss.describe()


def test_status_counts_finished_records_and_open_losses() -> None:
    group = GroupState(1, {UPLOADED: 20}, {UPLOADED: to_metadata(Account(done=13, lost=7))})
    offsets = GroupOffsets({UPLOADED: OffsetRange(10, 20)}, {SCAN.group: group}, {}, (), (LOSS,))

    found = stage_status(SCAN, offsets, 0.0)

    assert (found.finished, found.lost, found.lag) == (13, 7, 0)


def test_shadowed_records_are_done_and_counted_apart() -> None:
    group = GroupState(1, {UPLOADED: 20}, {UPLOADED: to_metadata(Account(done=13, shadowed=7))})
    spans = {UPLOADED: OffsetRange(0, 20)}

    report = account_report([SCAN], spans, {SCAN.group: group}, ())
    status = stage_status(SCAN, GroupOffsets(spans, {SCAN.group: group}, {}), 0.0)

    assert (report.accounts[0].done, report.problems) == (20, ())
    assert (status.finished, status.shadowed) == (20, 7)


def test_status_shows_records_deleted_ahead_of_a_stopped_stage() -> None:
    group = GroupState(0, {UPLOADED: 3}, {UPLOADED: to_metadata(Account(done=3))})
    found = stage_status(SCAN, GroupOffsets({UPLOADED: OffsetRange(10, 10)}, {SCAN.group: group}, {}), 0.0)

    assert (found.finished, found.lost) == (3, 7)


def test_account_restarts_after_a_reset_of_offsets() -> None:
    spans = {UPLOADED: OffsetRange(2, 20), RETRY: OffsetRange(0, 0), ("scan.dlq", 0): OffsetRange(0, 0)}
    found = account_report([SCAN], spans, {SCAN.group: GroupState(0, {UPLOADED: 12})}, ())

    assert found.problems == ()
    assert found.accounts[0] == TopicAccount("scan", "media.uploaded", accepted=8, waiting=8)


@pytest.mark.parametrize("ids", [["scan/media.uploaded/0/4"], [LOSS.id, "x"]])
def test_unknown_loss_is_not_acknowledged(ids: list[str]) -> None:
    with pytest.raises(CommandError, match="no loss"):
        acknowledgements([LOSS], ids, "operator@host", "why", NOW)


def test_acknowledgement_needs_a_reason() -> None:
    with pytest.raises(CommandError, match="--why"):
        acknowledgements([LOSS], [LOSS.id], "operator@host", " ", NOW)


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\xff", b'{"stage": 1}'])
def test_other_records_are_no_losses(value: bytes) -> None:
    assert from_value(value) is None
