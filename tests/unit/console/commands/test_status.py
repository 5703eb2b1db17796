"""`headrace status` shows why a stage is paused, and lost records."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.assets import read_service
from headrace.console.assets.stage_status import PipelineStatus, StageStatus

SCAN = StageStatus("scan", "headrace.scan", 1, 3, 1.5, 0, 6, 0, 1)


@dataclass(frozen=True)
class Answer:
    """A read service with one answer."""

    pipeline: PipelineStatus

    def status(self, _: object) -> PipelineStatus:
        return self.pipeline


def shown(monkeypatch: pytest.MonkeyPatch, stage: StageStatus) -> str:
    """Return the output for one stage."""
    monkeypatch.setattr(read_service, "connect", lambda _: Answer(PipelineStatus(("kafka:9092",), (stage,), ())))
    done = CliRunner().invoke(app, ["status", "--from-log"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_shows_the_matches_of_a_shadow_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "shadow: scan: 7 records matched and were not delivered\n" in shown(monkeypatch, replace(SCAN, shadowed=7))


def test_shows_the_reason_of_each_paused_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(
        monkeypatch, replace(SCAN, paused=("host-1: no clamd answers at clamd:3310", "host-2: \x1b[2J[red]x"))
    )

    assert "paused: scan: host-1: no clamd answers at clamd:3310\n" in output
    assert r"paused: scan: host-2: \x1b[2J[red]x" in output


def test_shows_lost_records_and_the_command_that_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(monkeypatch, replace(SCAN, lost=7))

    assert "lost: scan: 7 records were deleted before it read them: headrace audit check\n" in output


def test_stage_that_works_has_no_such_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(monkeypatch, SCAN)

    assert "paused:" not in output
    assert "lost:" not in output
