"""The history of an asset is the same from the views and from the log."""

from __future__ import annotations

from itertools import count

import pytest
from msgspec import structs

from headrace.console.assets import serialize
from headrace.console.assets.history import AssetHistory
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.views.queries.history import ViewAssets
from headrace.schemas.ids import asset_key
from headrace.schemas.records import StageFailure
from tests.support import records
from tests.support.records import CODEC, job_started
from tests.unit.console.asset_history import (
    NAME,
    completed,
    deleted,
    entry,
    labelled,
    letter,
    projection_of,
    retry,
    undecodable,
)
from tests.unit.console.views.queries.folded import FoldedViews

OLD, NEW = records.asset(sequencer="0A"), records.asset(sequencer="0B", version="e2", etag="e2")
HOSTILE = records.asset("a\x00b\x01c/'\"%_*\u202e\U0001f600 <b>.jpg")
UPLOAD = entry(records.uploaded())
SCAN = entry(records.scanned(), 1, UPLOAD, "scan")
LABELS = entry(labelled(usd=0.25), 2, SCAN, "labels")
JOB = entry(job_started("labels-1"), 2, SCAN, "labels")
END = entry(records.job_finished("labels-1"), 4)
VERSIONED = records.asset(sequencer="0B", version="v2", version_id="v2")
REMOVED = entry(deleted(records.asset(sequencer="0C", version="v2", version_id="v2"), "ObjectRemoved:Delete"), 5)

HISTORIES: dict[str, list[LogEntry]] = {
    "uploaded": [UPLOAD],
    "completed": [UPLOAD, SCAN, LABELS, entry(completed(), 3, LABELS, "completed")],
    "failed": [UPLOAD, entry(completed(failed=(StageFailure(stage="scan", code="x", reason="y"),)), 3, UPLOAD)],
    "duplicates": [UPLOAD, UPLOAD, SCAN, LABELS, LABELS, LABELS],
    "dead letter, then result": [UPLOAD, letter(UPLOAD, "scan"), letter(UPLOAD, "scan", 5, "infected"), SCAN],
    "retries": [UPLOAD, retry(UPLOAD, "scan", 1), retry(UPLOAD, "scan", 2)],
    "job": [UPLOAD, JOB, END, letter(END, "labels", 5)],
    "job, completion first": [END, UPLOAD, JOB],
    "unreadable": [UPLOAD, undecodable(), undecodable("probe"), undecodable()],
    "only unreadable": [undecodable()],
    "superseded": [entry(records.uploaded(OLD)), entry(records.uploaded(NEW), 1)],
    "superseded, read late": [entry(records.uploaded(NEW), 1), entry(records.uploaded(OLD))],
    "deleted": [entry(records.uploaded(OLD)), entry(deleted(NEW), 3)],
    "version removed": [UPLOAD, entry(records.uploaded(VERSIONED), 1), REMOVED],
    "only removed": [REMOVED],
    "hostile": [entry(records.uploaded(HOSTILE)), letter(entry(records.uploaded(HOSTILE)), "scan", code="\x00\x01")],
}


def at_offsets(entries: list[LogEntry]) -> list[LogEntry]:
    """Return the entries at increasing offsets of their topics."""
    offsets: dict[str, count[int]] = {}
    return [
        open_record(structs.replace(record, offset=next(offsets.setdefault(record.topic, count()))), CODEC)
        for record in (each.record for each in entries)
    ]


def both(entries: list[LogEntry]) -> tuple[AssetHistory, AssetHistory]:
    """Return the histories from the log and from the views."""
    log = at_offsets(entries)
    return projection_of(*log), ViewAssets(FoldedViews(log).connect)


@pytest.mark.parametrize("name", HISTORIES)
def test_asset_is_the_same_as_from_the_log(name: str) -> None:
    log, views = both(HISTORIES[name])
    for asset in (NAME, asset_key(HOSTILE)):
        for text in (asset, f"s3://{asset}", asset.partition("/")[2], asset.upper()):
            assert views.find(text) == log.find(text)
        assert serialize.asset(asset, views) == serialize.asset(asset, log)
        assert views.newest_version(asset) == log.newest_version(asset)


def test_comparison_has_facts() -> None:
    _, views = both(HISTORIES["completed"])
    [version] = views.versions(NAME)
    assert [fact.name for fact in version.facts] == [
        "MediaUploaded",
        "MediaScanned",
        "MediaLabelled",
        "MediaCompleted",
    ]
    assert (version.state, version.usd) == ("completed", 0.25)


def test_key_in_two_buckets_finds_both_assets() -> None:
    other = entry(records.uploaded(records.asset(bucket="archive")))
    log, views = both([UPLOAD, other])
    assert views.find("photos/cat.jpg") == log.find("photos/cat.jpg") == ["archive/photos/cat.jpg", NAME]


def test_asset_of_a_job_is_found_by_its_token() -> None:
    views = ViewAssets(FoldedViews(at_offsets(HISTORIES["job, completion first"])).connect)
    assert views.asset_of_job("labels-1") == NAME
    assert views.asset_of_job("labels-2") is None


@pytest.mark.parametrize("text", ["", "/", "a\x00", "\udcff", "s3://", "%", "'; DROP TABLE assets; --", "media/*"])
def test_any_name_is_looked_up(text: str) -> None:
    _, views = both(HISTORIES["completed"])
    assert views.find(text) == []
