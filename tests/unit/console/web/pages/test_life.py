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
