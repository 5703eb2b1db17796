"""The JSON fields of `headrace trace` are stable."""

from __future__ import annotations

import json

from headrace.console.assets import serialize
from tests.support import records
from tests.unit.console.asset_history import (
    NAME,
    after,
    completed,
    entry,
    labelled,
    letter,
    projection_of,
    retry,
    undecodable,
)

UPLOAD = entry(records.uploaded())
LABELS = entry(labelled(), 1, UPLOAD, "labels")


def test_serializes_a_version() -> None:
    newer = records.asset(sequencer="0B", version="e2", etag="e2")
    progress = projection_of(
        UPLOAD,
        LABELS,
        letter(UPLOAD, "probe", 2),
        retry(UPLOAD, "scan", 2),
        entry(completed(), 3, LABELS, "completed"),
        entry(records.uploaded(newer), 9),
    )
    found, _ = serialize.asset(NAME, progress)["versions"]
    assert {name: value for name, value in found.items() if name not in ("timeline", "dead_letters")} == {
        "version": "e1",
        "version_id": None,
        "etag": "e1",
        "size": 10,
        "sequencer": "0A",
        "state": "completed",
        "superseded_by": "e2",
        "uploaded_at": after(0),
        "completed_at": after(3),
        "usd": 0.001,
        "stages": {
            "labels": {"status": "done", "result": "Cat, Sofa", "location": "s3://results/a/labels@1.answer.json"},
            "probe": {"status": "dead-lettered", "result": "unreadable: no moov atom", "location": None},
            "scan": {"status": "retrying", "result": "timeout: took too long", "location": None},
        },
    }


def test_dead_letter_has_record_and_origin() -> None:
    [version] = serialize.asset(NAME, projection_of(UPLOAD, letter(UPLOAD, "probe", 2, offset=5)))["versions"]
    assert version["dead_letters"] == [
        {
            "stage": "probe",
            "code": "unreadable",
            "reason": "no moov atom",
            "attempts": 1,
            "origin": "media.uploaded/0/0",
            "first_failure": after(2),
            "last_failure": after(2),
            "record": "probe.dlq/0/5",
        }
    ]


def test_step_has_time_cause_and_duration() -> None:
    [version] = serialize.asset(NAME, projection_of(UPLOAD, LABELS))["versions"]
    step = version["timeline"][1]
    assert set(step) == {
        "at",
        "event",
        "id",
        "cause",
        "cause_event",
        "correlation",
        "stage",
        "seconds",
        "words",
        "location",
        "usd",
        "record",
        "deliveries",
    }
    assert (step["at"], step["cause_event"], step["seconds"]) == (after(1), "MediaUploaded", 1.0)


def test_unparseable_dead_letter_is_serialized_separately() -> None:
    found = serialize.asset(NAME, projection_of(undecodable()))
    assert found["versions"] == []
    assert [each["code"] for each in found["undecodable"]] == ["decode"]


def test_result_is_json_serializable() -> None:
    found = serialize.asset(NAME, projection_of(UPLOAD, LABELS, letter(UPLOAD, "probe"), undecodable()))
    assert json.loads(json.dumps(found)) == found
