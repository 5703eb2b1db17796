"""The life of an asset as bars."""

from __future__ import annotations

import pytest

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.projection import AssetVersion
from headrace.console.web.pages.assets.life import asset_life
from tests.support import records

UPLOADED = AssetEvent(0.0, "media.uploaded/0/0", "MediaUploaded", id="u")


def version(*facts: AssetEvent) -> AssetVersion:
    return AssetVersion(records.asset(), "processing", facts)


def test_waiting_for_a_job_is_distinct_from_the_job() -> None:
    facts = (
        UPLOADED,
        AssetEvent(2.0, "jobs.started/0/0", "JobStarted", "labels", "running", id="s", cause="u"),
        AssetEvent(8.0, "jobs.finished/0/0", "JobFinished", "labels", None, id="f"),
        AssetEvent(10.0, "media.labelled/0/0", "MediaLabelled", "labels", "done", id="l", cause="f"),
    )
    [stage] = asset_life(version(*facts)).stages
    assert [(bar.tone, bar.start, bar.seconds) for bar in stage.bars] == [
        ("wait", 0.0, 2.0),
        ("work", 0.2, 6.0),
        ("both", 0.8, 2.0),
    ]
    assert (stage.status, stage.seconds) == ("done", 10.0)


def test_a_retry_waits_and_a_dead_letter_fails() -> None:
    facts = (
        UPLOADED,
        AssetEvent(1.0, "scan.retry/0/0", "Retry", "scan", "retrying", id="u", cause="u", summary="timeout"),
        AssetEvent(4.0, "scan.dlq/0/0", "DeadLetter", "scan", "dead-lettered", id="u", cause="u", summary="infected"),
    )
    [stage] = asset_life(version(*facts)).stages
    assert [bar.tone for bar in stage.bars] == ["wait", "fail"]
    assert stage.attempts == 2


@pytest.mark.parametrize("facts", [(), (UPLOADED,)])
def test_a_version_without_stages_has_no_bars(facts: tuple[AssetEvent, ...]) -> None:
    assert asset_life(version(*facts)).stages == ()


def test_bars_stay_inside_the_whole() -> None:
    early = AssetEvent(-5.0, "media.scanned/0/0", "MediaScanned", "scan", "done", id="s", cause="u")
    [stage] = asset_life(version(UPLOADED, early)).stages
    assert all(bar.start >= 0 and bar.start + bar.width <= 1.00001 for bar in stage.bars)


def test_an_arrow_leads_from_each_cause_to_the_stage_that_it_started() -> None:
    facts = (
        UPLOADED,
        AssetEvent(2.0, "media.scanned/0/0", "MediaScanned", "scan", "done", id="s", cause="u"),
        AssetEvent(4.0, "media.probed/0/0", "MediaProbed", "probe", "done", id="p", cause="u"),
        AssetEvent(5.0, "media.ready/0/0", "MediaReady", "ready", "done", id="r", cause="p"),
        AssetEvent(6.0, "jobs.started/0/0", "JobStarted", "labels", "running", id="j", cause="r"),
        AssetEvent(9.0, "jobs.finished/0/0", "JobFinished", "labels", None, id="f"),
        AssetEvent(10.0, "media.labelled/0/0", "MediaLabelled", "labels", "done", id="l", cause="f"),
        AssetEvent(10.0, "faces.dlq/0/0", "DeadLetter", "faces", "dead-lettered", id="r", cause="r"),
        AssetEvent(10.0, "media.x/0/0", "MediaRedacted", "redact", "done", id="x", cause="not on the log"),
    )
    life = asset_life(version(*facts))
    rows = ["", *(each.stage for each in life.stages)]
    found = [(each.event, each.at, rows[each.source], rows[each.target]) for each in life.arrows]
    assert sorted(found) == [
        ("MediaProbed", 0.4, "probe", "ready"),
        ("MediaReady", 0.5, "ready", "faces"),
        ("MediaReady", 0.5, "ready", "labels"),
        ("MediaUploaded", 0.0, "", "probe"),
        ("MediaUploaded", 0.0, "", "scan"),
    ]
    assert all(each.is_down for each in life.arrows)


def test_an_arrow_points_up_to_a_stage_that_began_before_its_cause() -> None:
    facts = (
        UPLOADED,
        AssetEvent(5.0, "media.ready/0/0", "MediaReady", "ready", "done", id="r", cause="u"),
        AssetEvent(4.0, "media.transcoded/0/0", "MediaTranscoded", "transcode", "done", id="t", cause="u"),
        AssetEvent(8.0, "media.ready/0/1", "MediaReady", "ready", "done", id="r2", cause="t"),
    )
    life = asset_life(version(*facts))
    rows = {each.stage: row for row, each in enumerate(life.stages, 1)}
    [arrow] = [each for each in life.arrows if each.event == "MediaTranscoded"]
    assert (arrow.source, arrow.target) == (rows["transcode"], rows["ready"])
    assert arrow.is_down == (rows["transcode"] < rows["ready"])
