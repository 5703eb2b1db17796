"""Tests of `headrace pipeline`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an empty pipeline file, without a results bucket in the environment."""
    monkeypatch.delenv("HEADRACE_RESULTS_BUCKET", raising=False)
    found = tmp_path / "pipeline.toml"
    found.write_text("")
    return str(found)


def check(file: str) -> Result:
    return CliRunner().invoke(app, ["pipeline", "check", file])


def test_check_needs_no_results_bucket(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "note:" not in check(file).stdout
    monkeypatch.setenv("HEADRACE_SLOTS", "labels=30")
    checked = check(file)
    assert checked.exit_code == 0
    assert "(HEADRACE_SLOTS)" in checked.stdout


def test_check_rejects_invalid_slots(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SLOTS", "labels=many")
    checked = check(file)
    assert checked.exit_code != 0
    assert "HEADRACE_SLOTS" in checked.stderr


@pytest.mark.parametrize(("variable", "value"), [("HEADRACE_SLOTS", "lables=3"), ("HEADRACE_RATES", "polly.sing=3")])
def test_check_rejects_limits_with_unknown_names(
    file: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    checked = check(file)
    assert checked.exit_code != 0
    assert variable in checked.stderr
