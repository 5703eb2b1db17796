"""Views that are rebuilt from a log with expired records, and the results bucket."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from headrace.connectors.backfill.listing import ListedObject
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.views.fold import Fold
from headrace.console.views.locations import SqliteLocation
from headrace.console.views.restore import RestoredEvents, restore
from headrace.console.views.rows import AssetRow, FactRow, StageRow, VersionRow
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.store import Values
from headrace.console.views.stored_results import StoredResults
from headrace.schemas.records import Asset, StageFailure
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.results import ResultsStore
from tests.support import records
from tests.support.fake_services import MemoryBucket
from tests.support.records import CODEC, NOW, arrived, job_started
from tests.unit.console.asset_history import (
    completed,
    deleted,
    entry,
    envelope_of,
    labelled,
    letter,
    retry,
)
from tests.unit.console.views.history import Log, any_order, append, apply_all, batches
from tests.unit.console.views.test_projector import rows

NAMES = ("cat.jpg", "folder/dog.mp4", "ü" * 400)
NEVER_STORED = {"Retry", "DeadLetter"}
"""Events that only the log has, besides the completions of jobs."""
Rows = dict[tuple[Any, ...], Values]


class Pipeline:
    """A log and the results bucket of the same stages."""

    def __init__(self) -> None:
        self.log: Log = defaultdict(list)
        self.bucket = MemoryBucket()
        self._results = ResultsStore(self.bucket)

    def upload(self, asset: Asset) -> LogEntry:
        """Add an upload."""
        return self.send(entry(records.uploaded(asset)))

    def send(self, each: LogEntry) -> LogEntry:
        """Add an event to the log."""
        append(self.log, each.record)
        return each

    def store(self, each: LogEntry, name: str) -> LogEntry:
        """Add an event to the results bucket and to the log."""
        event: Any = each.event
        envelope = envelope_of(each)
        asyncio.run(self._results.put(event.asset, name, event, envelope, envelope.causation_id))
        return self.send(each)

    def fail(self, asset: Asset, failed: LogEntry, stage: str) -> None:
        """Add a dead letter and the stored failure."""
        failure = StageFailure(stage=stage, code="unreadable", reason="no moov atom")
        asyncio.run(self._results.put_failure(asset, f"{stage}@1", failure))
        self.send(letter(failed, stage, 2))

    def delete(self, asset: Asset) -> None:
        """Delete an object."""
        envelope = envelope_of(self.send(entry(deleted(asset), 9)))
        asyncio.run(self._results.put(asset, "removals@1", None, envelope, envelope.id))

    @property
    def stored(self) -> StoredResults:
        """Return the stored results."""
        listed = [
            ListedObject(key, len(content), "", NOW + timedelta(seconds=9))
            for key, content in sorted(self.bucket.objects.items())
        ]
        return StoredResults(lambda: listed, self.bucket.objects.get)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = SqliteLocation(tmp_path).create_next()
    yield engine
    engine.dispose()


def run_pipeline() -> Pipeline:
    """Run an asset with three versions, a job, a failure and a deletion for each name."""
    pipeline = Pipeline()
    for name in NAMES:
        for number in range(2):
            asset = records.asset(key=name, sequencer=f"0{number + 1}", version=f"v{number}", etag=f"v{number}")
            upload = pipeline.upload(asset)
            scan = pipeline.store(result_of(upload, entry(records.scanned(asset), 1, upload, "scan")), "scan@1")
            pipeline.store(result_of(upload, entry(records.probed(asset), 1, upload, "probe")), "probe@1")
            token = f"labels-{asset.version}-{name[:40]}"
            started = entry(job_started(token, asset), 2, scan, "labels")
            pipeline.store(result_of(upload, started), "labels@1.started")
            finished = pipeline.send(entry(records.job_finished(token), 3))
            labels = pipeline.store(result_of(upload, entry(labelled(asset), 4, finished, "labels")), "labels@1")
            pipeline.send(retry(scan, "moderation", 1))
            pipeline.fail(asset, scan, "moderation")
            done = entry(completed(asset), 5, labels, "completed")
            pipeline.store(result_of(upload, done), "completed@1-0a")
    pipeline.delete(records.asset(key=NAMES[0], sequencer="09", version="v9", etag="", size=0))
    return pipeline


def result_of(upload: LogEntry, result: LogEntry) -> LogEntry:
    """Return a result with the correlation id of its upload."""
    assert result.event is not None
    envelope = msgspec.structs.replace(envelope_of(result), correlation_id=envelope_of(upload).id)
    sent = to_producer_record(result.event, envelope, CODEC)
    return open_record(arrived(sent, 0, result.record.timestamp), CODEC)


def expired(log: Log, draw: Random) -> Log:
    """Return a log whose partitions have lost some of their first records."""
    return {place: found[draw.choice([0, 1, len(found) // 2, len(found)]) :] for place, found in log.items()}


def folded(engine: Engine, log: Log, draw: Random) -> Rows:
    """Fold a log into a database."""
    with engine.begin() as connection:
        apply_all(batches(any_order(log, draw), draw), SqlStore(connection))
    return rows(engine)


def without_expected_losses(found: Rows) -> Rows:
    """Return rows without what docs/views.md names as lost."""
    kept: Rows = {}
    for key, row in found.items():
        match key[0]:
            case "timeline":
                fact = FactRow(*row)
                if fact.event not in NEVER_STORED:
                    kept[key] = fact._replace(partition=0, offset=0, deliveries=0, at=_at(fact), cause=_cause(fact))
            case "stage_states":
                state = StageRow(*row)
                done = state.status in ("done", "running")
                kept[key] = state._replace(partition=0, offset=0) if done else (state.status, state.code, state.summary)
            case "versions":
                kept[key] = VersionRow(*row)._replace(uploaded_at=None, deleted_at=None)
            case "assets":
                kept[key] = AssetRow._make((*row, 0.0))._replace(uploaded_at=None)
            case "jobs":
                kept[key] = row[:7]
            case "costs":
                kept[key] = row
            case "text_sources":
                kept[key] = row if row[0] != "MediaUploaded" else row[:2]
    return kept


def _at(fact: FactRow) -> float:
    return 0.0 if fact.event in ("MediaUploaded", "MediaDeleted") else fact.at


def _cause(fact: FactRow) -> str:
    return "" if fact.event in ("MediaUploaded", "MediaDeleted") else fact.cause


def restored(engine: Engine, pipeline: Pipeline) -> RestoredEvents:
    """Restore from the results bucket."""
    return restore(engine, pipeline.stored, Fold({}), 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_views_are_what_they_were_up_to_the_named_losses(seed: int, engine: Engine, tmp_path: Path) -> None:
    pipeline, draw = run_pipeline(), Random(seed)
    complete = SqliteLocation(tmp_path / "complete").create_next()
    expected = without_expected_losses(folded(complete, pipeline.log, draw))
    complete.dispose()
    before = folded(engine, expired(pipeline.log, draw) if seed else {}, draw)
    found = restored(engine, pipeline)

    assert without_expected_losses(rows(engine)) == expected
    assert found.versions == 2 * len(NAMES) + 1
    assert found.unreadable == 0
    added = [FactRow(*row) for key, row in rows(engine).items() if key[0] == "timeline" and key not in before]
    assert [fact.deliveries for fact in added] == [0] * found.events


def test_log_without_losses_is_not_changed_and_nothing_is_read(engine: Engine) -> None:
    pipeline = run_pipeline()
    before = folded(engine, pipeline.log, Random(0))
    found = restored(engine, pipeline)

    assert rows(engine) == before
    assert (found.events, found.failures, found.unreadable) == (0, 0, 0)


def test_restoring_again_changes_nothing(engine: Engine) -> None:
    pipeline = run_pipeline()
    restored(engine, pipeline)
    before = rows(engine)
    found = restored(engine, pipeline)

    assert rows(engine) == before
    assert found.events == 0


def test_record_of_a_restored_event_replaces_it(engine: Engine) -> None:
    pipeline = run_pipeline()
    restored(engine, pipeline)
    after = folded(engine, pipeline.log, Random(1))
    facts = [FactRow(*row) for key, row in after.items() if key[0] == "timeline"]

    assert {fact.deliveries for fact in facts} == {1}
    assert min(fact.offset for fact in facts) >= 0
    usd = [row[0] for key, row in after.items() if key[0] == "costs"]
    results = [key for key, row in after.items() if key[0] == "timeline" and FactRow(*row).usd_nanos]
    assert sum(usd) == len(results) * 1_000_000


def test_invalid_objects_are_counted_and_the_others_restored(engine: Engine) -> None:
    pipeline = run_pipeline()
    for name, content in (("labels@1.json", b"junk"), ("scan@1.json", b'{"cause":"","event":"Other","data":{}}')):
        [key] = [key for key in pipeline.bucket.objects if "cat.jpg" in key and "v0" in key and key.endswith(name)]
        pipeline.bucket.objects[key] = content
    pipeline.bucket.objects["_jobs/labels-1.json"] = b"junk"
    pipeline.bucket.objects["media/other"] = b"junk"
    found = restored(engine, pipeline)

    assert found.unreadable == 2
    assert found.versions == 2 * len(NAMES) + 1
