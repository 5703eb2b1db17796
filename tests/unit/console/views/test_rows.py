"""Tests of rows."""

from __future__ import annotations

import pytest

from headrace.console.assets.asset_event import asset_event
from headrace.console.kafka.entry import LogEntry
from headrace.console.views import rows, specs
from headrace.console.views.batch import OffsetRow
from tests.support import records
from tests.support.records import job_started
from tests.unit.console.asset_history import completed, deleted, entry, labelled, letter, retry

UPLOAD = entry(records.uploaded())
ENTRIES = [
    UPLOAD,
    entry(labelled(), 3, UPLOAD, "labels"),
    entry(job_started(), 1, UPLOAD, "labels"),
    entry(records.job_finished("labels-1")),
    entry(completed()),
    entry(deleted(records.asset(version_id="1"))),
    letter(UPLOAD, "scan", code="a\x01b"),
    retry(UPLOAD, "probe"),
]


@pytest.mark.parametrize("of", ENTRIES, ids=lambda of: of.record.topic)
def test_row_has_everything_of_an_event(of: LogEntry) -> None:
    fact = asset_event(of, {})

    assert rows.event_of(rows.fact_row(fact, of.record), fact.of_version) == fact


@pytest.mark.parametrize(
    ("row", "spec", "leading"),
    [
        (rows.FactRow, specs.TIMELINE, 0),
        (rows.FactRow, specs.COMPLETIONS, 0),
        (rows.FactRow, specs.REMOVALS, 1),
        (rows.StageRow, specs.STAGES, 0),
        (rows.VersionRow, specs.VERSIONS, 1),
        (rows.AssetRow, specs.ASSETS, 1),
        (rows.JobRow, specs.JOBS, 1),
        (rows.LetterRow, specs.LETTERS, 0),
        (OffsetRow, specs.OFFSETS, 0),
    ],
)
def test_fields_are_in_the_order_of_the_columns(row: type, spec: specs.TableSpec, leading: int) -> None:
    fields = tuple(name.rstrip("_") for name in row._fields)  # type: ignore[attr-defined]

    assert (
        fields
        == tuple("version" if name == "version_id" and row is rows.JobRow else name for name in spec.values)[leading:]
    )


def test_retry_and_letter_have_code_attempts_and_due_time() -> None:
    of, waiting = letter(UPLOAD, "scan"), retry(UPLOAD, "probe", 1)
    dead, again = (rows.fact_row(asset_event(each, {}), each.record) for each in (of, waiting))

    assert (dead.code, dead.attempts, dead.due_at) == ("unreadable", 1, None)
    assert (again.code, again.attempts, again.due_at) == ("timeout", 1, waiting.record.timestamp + 5)
