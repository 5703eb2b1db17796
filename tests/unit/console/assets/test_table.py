"""The table of `headrace watch` and the demo."""

from __future__ import annotations

from rich.console import Console

from headrace.console.assets import table
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.table import ChangeLog
from headrace.schemas.records import StageFailure
from tests.support import records
from tests.support.records import job_started
from tests.unit.console.asset_history import NAME, completed, entry, labelled, letter, projection_of

UPLOAD = entry(records.uploaded())
SCAN = entry(records.scanned(), 1, UPLOAD, "scan")
LETTER = letter(UPLOAD, "probe", 2)
END = entry(completed(failed=(StageFailure(stage="probe", code="unreadable", reason=""),)), 3, SCAN, "completed")


def only(*history: object) -> AssetVersion:
    [version] = projection_of(*history).versions(NAME)  # type: ignore[arg-type]
    return version


def drawn(*versions: AssetVersion) -> list[str]:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.table(versions, ["scan", "probe", "labels"]))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_stages_have_icons_and_dead_letters_have_codes() -> None:
    job = entry(job_started(), 1, UPLOAD, "labels")
    [_, row] = drawn(only(UPLOAD, SCAN, LETTER, job))
    assert row.split() == [NAME, "✓", "✗", "unreadable", "●", "processing"]


def test_unknown_stage_is_a_dot() -> None:
    [_, row] = drawn(only(UPLOAD))
    assert row.split() == [NAME, "·", "·", "·", "processing"]


def test_line_has_the_stages_result() -> None:
    [line] = ChangeLog().lines([only(UPLOAD, SCAN)])
    assert line.split(" ", 1)[1] == f"{NAME} scan done harmless image/jpeg"


def test_dead_letter_and_completion_have_lines() -> None:
    lines = ChangeLog().lines([only(UPLOAD, SCAN, LETTER, END)])
    assert [line.split(" ", 2)[2] for line in lines] == [
        "scan done harmless image/jpeg",
        "probe dead-lettered unreadable: no moov atom",
        "completed 2 done, 1 failed",
    ]


def test_change_log_prints_each_line_once() -> None:
    ticker = ChangeLog()
    ticker.lines([only(UPLOAD, SCAN)])
    assert ticker.lines([only(UPLOAD, SCAN, entry(records.scanned(), 1, UPLOAD, "scan", offset=1))]) == []
    [line] = ticker.lines([only(UPLOAD, SCAN, entry(labelled(), 2, UPLOAD, "labels"))])
    assert " labels done Cat, Sofa" in line


def test_lines_of_several_assets_are_ordered_by_time() -> None:
    other = records.asset("other.jpg")
    later = entry(records.scanned(other), 5, stage="scan")
    [version] = projection_of(later).versions("media/other.jpg")
    lines = ChangeLog().lines([version, only(UPLOAD, SCAN, LETTER)])
    assert [line.split(" ")[1:3] for line in lines] == [
        [NAME, "scan"],
        [NAME, "probe"],
        ["media/other.jpg", "scan"],
    ]
