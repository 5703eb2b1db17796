"""Tests of the comparison with the expected outcomes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from io import StringIO

from headrace.console.assets.projection import AssetVersion
from headrace.console.kafka.entry import LogEntry
from headrace.console.search.request import AssetMatch, Moment
from headrace.console.terminal.screen import Console
from headrace.sandbox.demo.report import DemoReport, JobCounts, Seconds, as_json, endings, missing, wrong
from headrace.sandbox.demo.rule_targets import RoutedCounts
from headrace.sandbox.demo.samples import DONE, SampleFile
from headrace.sandbox.demo.view import results, summary
from tests.support import records
from tests.support.records import job_started
from tests.unit.console.asset_history import NAME, completed, entry, labelled, letter, projection_of

SAMPLE = SampleFile("cat.jpg", bytes, {"scan": DONE, "probe": "unreadable"})
UPLOAD = entry(records.uploaded())
SCAN = entry(records.scanned(), 1, UPLOAD, "scan")
LETTER = letter(UPLOAD, "probe", 2)
END = entry(completed(), 3, SCAN, "completed")
MOMENT = Moment("transcript", "transcript", "your country", ((5, 12),), 6.0)
SPOKEN = AssetMatch("headrace-media", "jfk.flac", "v1", "audio", 1.0, 1, (MOMENT,))


def version(*history: LogEntry) -> AssetVersion:
    [found] = projection_of(*history).versions(NAME)
    return found


def report(*history: LogEntry, last: float | None = 9.0) -> DemoReport:
    times = Seconds(1.0, 2.0, last)
    versions = {"cat.jpg": version(*history)}
    return DemoReport((SAMPLE,), versions, JobCounts(2, 1), times, RoutedCounts(1, 1, 0), SPOKEN)


def test_outcome_is_done_or_the_dead_letter_code() -> None:
    job = entry(job_started(), 1, UPLOAD, "labels")
    assert endings(version(UPLOAD, SCAN, LETTER, job)) == {"scan": DONE, "probe": "unreadable"}


def test_missing_returns_unfinished_stages() -> None:
    assert missing(SAMPLE, None) == ["its upload"]
    assert missing(SAMPLE, version(UPLOAD)) == ["scan", "probe"]
    assert missing(SAMPLE, version(UPLOAD, SCAN, LETTER)) == ["its completion"]
    assert missing(SAMPLE, version(UPLOAD, SCAN, LETTER, END)) == []


def test_expected_outcome_is_not_wrong() -> None:
    assert wrong(SAMPLE, version(UPLOAD, SCAN, LETTER, END)) == []


def test_unfinished_file_is_wrong() -> None:
    assert wrong(SAMPLE, version(UPLOAD, SCAN)) == ["cat.jpg: probe missing"]


def test_unexpected_outcome_is_wrong() -> None:
    other = letter(UPLOAD, "probe", 2, "too_large")
    assert wrong(SAMPLE, version(UPLOAD, SCAN, other, END)) == ["cat.jpg: probe is too_large, expected unreadable"]


def test_unexpected_stage_is_wrong() -> None:
    labels = entry(labelled(), 2, UPLOAD, "labels")
    assert wrong(SAMPLE, version(UPLOAD, SCAN, LETTER, labels, END)) == ["cat.jpg: labels is done, expected nothing"]


def test_counts_jobs_of_this_run_only() -> None:
    assert JobCounts(9, 7).since(JobCounts(4, 3)) == JobCounts(5, 4)


def test_json_structure_is_stable() -> None:
    found = json.loads(json.dumps(as_json(report(UPLOAD, SCAN, LETTER, END))))
    assert found == {
        "assets": [
            {
                "bucket": "headrace-media",
                "key": "cat.jpg",
                "state": "completed",
                "stages": {"probe": "dead-lettered", "scan": "done"},
                "dead_letters": [{"stage": "probe", "code": "unreadable", "reason": "no moov atom"}],
            }
        ],
        "jobs_started": 2,
        "jobs_unique": 1,
        "routed": {"sns": 1, "sqs": 1, "http": 0},
        "usd": 0,
        "seconds": {"ready": 1.0, "first_result": 2.0, "all": 9.0},
        "search": json.loads(json.dumps(asdict(SPOKEN))),
        "wrong": [],
    }


def test_missing_delivery_is_wrong_once_all_files_are_finished() -> None:
    whole = report(UPLOAD, SCAN, LETTER, END)
    short = replace(whole, routed=RoutedCounts(1, 0, 0))
    assert whole.wrong == []
    assert short.wrong == ["rules sent RoutedCounts(sns=1, sqs=0, http=0), expected RoutedCounts(sns=1, sqs=1, http=0)"]
    assert replace(short, seconds=Seconds(1.0)).wrong == []


def test_word_that_the_search_does_not_find_is_wrong() -> None:
    unheard = replace(report(UPLOAD, SCAN, LETTER, END), spoken=None)
    assert unheard.wrong == ["headrace search country does not find jfk.flac"]
    assert as_json(unheard)["search"] is None


def test_results_end_with_the_spoken_word() -> None:
    console = Console(file=StringIO(), width=200)
    results(report(UPLOAD, SCAN, LETTER, END), console)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert lines[-3:] == [
        "headrace search country",
        "s3://headrace-media/jfk.flac audio 1 passage",
        "0:06.0 transcript your country",
    ]


def test_json_includes_missing_files() -> None:
    [asset] = as_json(DemoReport((SAMPLE,), {}, JobCounts(0, 0), Seconds(1.0)))["assets"]
    assert (asset["key"], asset["state"], asset["stages"]) == ("cat.jpg", "missing", {})


def test_summary_has_all_counts() -> None:
    labels = entry(labelled(usd=0.5), 2, UPLOAD, "labels")
    assert summary(report(UPLOAD, SCAN, LETTER, labels, END)) == [
        "1 file, 1 dead letter",
        "2 jobs started, 1 unique",
        "1 events to SNS, 1 to SQS, 0 to HTTP, by rules",
        "$0.5000 at AWS's list prices; on this machine it cost nothing",
        "Ready after 1.0 s, first result after 2.0 s, all after 9.0 s",
    ]
