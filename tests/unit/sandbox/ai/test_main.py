"""Errors at the start of the endpoint."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headrace.sandbox.ai.__main__ import JOB_SECONDS, main


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", JOB_SECONDS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["--port", "1"])
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_missing_region_is_a_one_line_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "You must specify a region. `headrace sandbox env` prints what is needed." in refused(capsys)


def test_invalid_duration_is_a_one_line_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JOB_SECONDS, "soon")
    assert f"{JOB_SECONDS} is a number of seconds" in refused(capsys)


def test_missing_access_key_is_a_one_line_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "AWS_SECRET_ACCESS_KEY is not set. `headrace sandbox env` prints it." in refused(capsys)


def test_start_does_not_import_the_pdf_reader() -> None:
    """Its import takes a third of the CPU time of a start."""
    code = "import sys, headrace.sandbox.ai.__main__, headrace.sandbox.ai.app; print('pypdf' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
