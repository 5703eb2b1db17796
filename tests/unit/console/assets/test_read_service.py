"""The read service summarizes the results of a stage as the stage says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import msgspec

from headrace.console.assets import serialize
from headrace.console.assets.history import AssetHistory
from headrace.console.assets.read_service import ReadService
from headrace.console.assets.table import ChangeLog
from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.log_reader import LogBatch, LogReader
from headrace.schemas.records import MediaLabelled, MediaUploaded
from headrace.streams.stage import Stage
from tests.support import records
from tests.support.records import job_started
from tests.unit.console.asset_history import NAME, a_stage, entry, labelled, letter

UPLOAD = entry(records.uploaded())
RESULT = entry(labelled(), 2, UPLOAD, "review")


class Log:
    """A log with a few entries."""

    def __init__(self, *entries: LogEntry) -> None:
        self._entries = entries

    def read(self, topics: object, key: object = None) -> Iterator[LogEntry]:
        return iter(self._entries)

    def follow(self, topics: object) -> Iterator[LogBatch]:
        yield LogBatch(self._entries, caught_up=True)


def reviewed(event: MediaLabelled) -> str:
    return f"{event.label_count} labels to review"


def service(*entries: LogEntry, summary: Any = reviewed) -> ReadService:
    review: Stage = replace(a_stage("review"), summary=summary)
    return ReadService(cast(LogReader, Log(*entries)), [review])


def steps(progress: AssetHistory) -> dict[str, str]:
    [version] = serialize.asset(NAME, progress)["versions"]
    return {step["event"]: step["words"] for step in version["timeline"]}


def test_a_stage_summarizes_its_own_results() -> None:
    progress = service(UPLOAD, RESULT).progress()
    assert steps(progress)[MediaLabelled.EVENT] == "2 labels to review"
    [version] = serialize.asset(NAME, progress)["versions"]
    assert version["stages"]["review"]["result"] == "2 labels to review"
    assert any("2 labels to review" in line for line in ChangeLog().lines(progress.versions(NAME)))


def test_followed_results_have_the_summary_of_their_stage() -> None:
    [update] = service(UPLOAD, RESULT).follow()
    assert steps(update.progress)[MediaLabelled.EVENT] == "2 labels to review"


def test_results_of_other_stages_have_the_usual_summary() -> None:
    other = entry(labelled(), 2, UPLOAD, "labels")
    assert steps(service(UPLOAD, other).progress())[MediaLabelled.EVENT] == "Cat, Sofa"
    assert steps(service(UPLOAD, RESULT, summary=None).progress())[MediaLabelled.EVENT] == "Cat, Sofa"


def test_jobs_uploads_and_dead_letters_do_not_have_the_summary_of_the_stage() -> None:
    started = entry(msgspec.structs.replace(job_started(), stage="review"), 1, UPLOAD, "review")
    words = steps(service(UPLOAD, started, letter(UPLOAD, "review")).progress())
    assert words == {
        MediaUploaded.EVENT: words[MediaUploaded.EVENT],
        "JobStarted": "job j1",
        "DeadLetter": "unreadable: no moov atom",
    }
