"""Timeline steps with causes and durations."""

from __future__ import annotations

import pytest

from headrace.console.assets.timeline import TimelineStep, results_folder, timeline
from tests.support import records
from tests.support.records import job_started
from tests.unit.console.asset_history import (
    NAME,
    completed,
    entry,
    envelope_of,
    labelled,
    letter,
    projection_of,
    retry,
)

UPLOAD = entry(records.uploaded())


def steps(*history: object) -> dict[str, TimelineStep]:
    [version] = projection_of(*history).versions(NAME)  # type: ignore[arg-type]
    return {step.event: step for step in timeline(version)}


def test_steps_are_ordered_by_time() -> None:
    history = entry(labelled(), 9, UPLOAD, "labels"), UPLOAD, entry(records.scanned(), 2, UPLOAD, "scan")
    assert list(steps(*history)) == ["MediaUploaded", "MediaScanned", "MediaLabelled"]


def test_step_never_precedes_its_cause_despite_clock_skew() -> None:
    scan = entry(records.scanned(), -3, UPLOAD, "scan")
    done = entry(completed(), 0, scan, "completed")
    assert list(steps(done, scan, UPLOAD)) == ["MediaUploaded", "MediaScanned", "MediaCompleted"]


def test_result_has_its_cause_and_duration() -> None:
    step = steps(UPLOAD, entry(records.scanned(), 2.5, UPLOAD, "scan"))["MediaScanned"]
    assert (step.stage, step.cause, step.cause_event) == ("scan", envelope_of(UPLOAD).id, "MediaUploaded")
    assert step.seconds == pytest.approx(2.5)
    assert step.words == "harmless image/jpeg"


def test_upload_has_no_cause() -> None:
    step = steps(UPLOAD)["MediaUploaded"]
    assert (step.cause, step.cause_event, step.seconds) == ("", "", None)


def test_missing_cause_is_still_named() -> None:
    step = steps(entry(records.scanned(), 2, UPLOAD, "scan"))["MediaScanned"]
    assert (step.cause, step.cause_event, step.seconds) == (envelope_of(UPLOAD).id, "", None)


def test_cause_of_a_completion_is_the_job_start() -> None:
    start = entry(job_started(), 1, UPLOAD, "labels")
    step = steps(UPLOAD, start, entry(records.job_finished("labels-1"), 4))["JobFinished"]
    assert (step.cause, step.cause_event) == (envelope_of(start).id, "JobStarted")
    assert step.seconds == pytest.approx(3.0)


def test_cause_of_a_dead_letter_is_its_original_record() -> None:
    step = steps(UPLOAD, letter(UPLOAD, "probe", 3))["DeadLetter"]
    assert (step.stage, step.cause_event, step.words) == ("probe", "MediaUploaded", "unreadable: no moov atom")
    assert step.seconds == pytest.approx(3.0)


def test_retry_has_the_reason() -> None:
    step = steps(UPLOAD, retry(UPLOAD, "probe"))["Retry"]
    assert (step.stage, step.cause_event, step.words) == ("probe", "MediaUploaded", "timeout: took too long")


def test_step_of_a_paid_result_has_cost_and_location() -> None:
    step = steps(UPLOAD, entry(labelled(usd=0.1), 1, UPLOAD, "labels"))["MediaLabelled"]
    assert (step.usd, step.location) == (0.1, "s3://results/a/labels@1.answer.json")


def test_duplicate_event_is_one_step() -> None:
    assert steps(UPLOAD, entry(records.uploaded(), offset=1))["MediaUploaded"].deliveries == 2


def test_results_have_one_common_folder() -> None:
    found = steps(UPLOAD, entry(labelled(), 1, UPLOAD, "labels"))
    assert results_folder(list(found.values())) == "s3://results/a/"
    assert results_folder(list(steps(UPLOAD).values())) == ""
