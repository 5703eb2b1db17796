"""Assets that wait longer than 99 % of the recent results of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
import pytest

from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.offsets import Position
from headrace.console.views.queries import overdue
from headrace.console.views.queries.overdue import OverdueReport
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Asset, Event, MediaReady
from headrace.streams import pipeline
from headrace.streams.worker.status_reports import StageStatusReport
from tests.support import records
from tests.support.records import CODEC, NOW, arrived, job_started
from tests.unit.console.asset_history import completed, entry, labelled, letter, retry, sent
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets

AT = NOW.timestamp()
LATE = 1_000.0
"""Seconds after which the report is made."""
STAGES = [stage for stage in pipeline.stages() if stage.name in ("scan", "probe", "labels", "ready", "completed")]


def uploaded(key: str, seconds: float = 0) -> tuple[Asset, LogEntry]:
    asset = records.asset(key)
    return asset, entry(records.uploaded(asset), seconds)


def history(results: int = 100) -> list[LogEntry]:
    """Return completed assets: the scan of number n took n seconds, so that 99 s are usual."""
    log = []
    for number in range(1, results + 1):
        asset, upload = uploaded(f"done/{number}.jpg")
        log += [upload, entry(records.scanned(asset), number, upload, "scan")]
        log.append(entry(completed(asset), number, upload, "completed"))
    return log


def overdue_assets(
    log: list[LogEntry], events: Mapping[Position, Event] | None = None, limit: int = 10
) -> OverdueReport:
    def read_events(positions: Iterable[Position]) -> Mapping[Position, Event]:
        return {} if events is None else {each: events[each] for each in positions if each in events}

    return overdue.report(FoldedViews(at_offsets(log)).connect, STAGES, read_events, AT + LATE, limit)


def reasons(log: list[LogEntry]) -> dict[str, str]:
    return {each.asset: each.reason for each in overdue_assets(log).assets}


def test_longer_wait_than_usual_is_overdue() -> None:
    _, late = uploaded("late.jpg")
    _, soon = uploaded("soon.jpg", LATE - 98)
    [asset] = overdue_assets([*history(), late, soon]).assets
    assert (asset.asset, asset.stage, asset.since) == ("media/late.jpg", "scan", AT)
    assert (asset.seconds, asset.usual_seconds) == (LATE, 99)


def test_stage_with_few_results_is_named_instead() -> None:
    _, late = uploaded("late.jpg")
    report = overdue_assets([*history(overdue.FEWEST - 1), late])
    assert report.assets == ()
    assert {"scan", "probe", "labels"} <= set(report.without_history)
    assert "completed" not in report.without_history


def test_finished_failed_and_deleted_versions_do_not_wait() -> None:
    a, a_upload = uploaded("a.jpg")
    _, b_upload = uploaded("b.jpg")
    c_new, c_upload = records.asset("c.jpg", sequencer="0B", version="e2"), uploaded("c.jpg")[1]
    log = [a_upload, entry(records.scanned(a), 1, a_upload, "scan"), b_upload, letter(b_upload, "scan")]
    log += [c_upload, entry(records.uploaded(c_new), LATE)]
    assert overdue_assets([*history(), *log]).assets == ()


def test_longest_waits_come_first_and_the_rest_is_counted() -> None:
    uploads = [uploaded(f"late/{number}.jpg", number)[1] for number in (3, 1, 2)]
    report = overdue_assets([*history(), *uploads], limit=2)
    assert [each.asset for each in report.assets] == ["media/late/1.jpg", "media/late/2.jpg"]
    assert report.more
    assert not overdue_assets([*history(), *uploads], limit=3).more


def test_reason_is_the_retry_the_job_or_the_worker() -> None:
    _, upload = uploaded("a.jpg")
    assert reasons([*history(), upload]) == {"media/a.jpg": "no worker runs the stage"}
    assert reasons([*history(), upload, retry(upload, "scan")]) == {
        "media/a.jpg": "retrying after timeout: took too long"
    }
    worker = StageStatusReport("scan", "w1", "working", "", NOW)
    assert reasons([*history(), upload, report_of(worker)]) == {"media/a.jpg": "not processed yet"}
    paused = StageStatusReport("scan", "w1", "paused", "clamd is down", NOW)
    assert reasons([*history(), upload, report_of(paused)]) == {"media/a.jpg": "w1 is paused: clamd is down"}


def report_of(report: StageStatusReport) -> LogEntry:
    value = msgspec.json.encode(report)
    return LogEntry(ConsumerRecord(topics.WORKERS.name, 0, 0, AT, f"{report.stage}/{report.worker}".encode(), value))


def ready_event(asset: Asset, kind: Literal["image", "audio"]) -> MediaReady:
    return MediaReady(asset=asset, content_type=f"{kind}/x", sha256="0" * 64, kind=kind, format=kind)


def ready(asset: Asset, seconds: float, kind: Literal["image", "audio"]) -> LogEntry:
    event = ready_event(asset, kind)
    return open_record(arrived(sent(event, seconds, stage="ready"), 0, AT + seconds), CODEC)


def labelled_assets() -> list[LogEntry]:
    log = []
    for number in range(overdue.FEWEST):
        asset, upload = uploaded(f"done/{number}.jpg")
        log += [upload, ready(asset, 1, "image"), entry(labelled(asset), 2, stage="labels")]
        log.append(entry(completed(asset), 3, stage="completed"))
    return log


def test_running_job_is_the_reason() -> None:
    asset, upload = uploaded("a.mp4")
    started = entry(job_started("labels-1", asset), 2, stage="labels")
    log = [*labelled_assets(), upload, ready(asset, 1, "image"), started]
    assert reasons(log) == {"media/a.mp4": "the job j1 of rekognition has not finished"}
    late = overdue.report(FoldedViews(at_offsets(log)).connect, STAGES, lambda _: {}, AT + 7 * 3600, 10)  # 6 h allowed
    assert "deadline passed 1 h 0 min ago" in late.assets[0].reason


def test_input_that_the_stage_skips_does_not_wait() -> None:
    asset, upload = uploaded("a.mp3")
    log = [*labelled_assets(), upload, ready(asset, 1, "audio")]
    assert overdue_assets(log).assets == ()  # no audio was ever labelled
    asset, upload = uploaded("b.jpg")
    log = at_offsets([*labelled_assets(), upload, ready(asset, 1, "image")])
    position = (topics.READY.name, 0, log[-1].record.offset)
    assert overdue_assets(log, {position: ready_event(asset, "audio")}).assets == ()
    [waiting] = overdue_assets(log, {position: ready_event(asset, "image")}).assets
    assert (waiting.asset, waiting.stage) == ("media/b.jpg", "labels")


@pytest.mark.parametrize("missing", ["scan", "probe"])
def test_fan_in_waits_only_once_all_its_inputs_exist(missing: str) -> None:
    log = []
    for number in range(overdue.FEWEST):
        asset, upload = uploaded(f"done/{number}.jpg")
        log += [
            upload,
            entry(records.scanned(asset), 1, upload, "scan"),
            entry(records.probed(asset), 1, upload, "probe"),
        ]
        log += [ready(asset, 2, "image"), entry(completed(asset), 3, stage="completed")]
    asset, upload = uploaded("a.jpg", LATE)
    inputs = {
        "scan": entry(records.scanned(asset), 1, upload, "scan"),
        "probe": entry(records.probed(asset), 1, upload, "probe"),
    }
    both = overdue_assets([*log, upload, *inputs.values()]).assets
    assert [(each.asset, each.stage) for each in both] == [("media/a.jpg", "ready")]
    del inputs[missing]
    assert "ready" not in [each.stage for each in overdue_assets([*log, upload, *inputs.values()]).assets]
