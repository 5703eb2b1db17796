"""`docs/state-machines.md`: its files are written and its commands run; their output is exact."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from tests.docs.generate import ROOT

TEXT = (ROOT / "docs" / "state-machines.md").read_text("utf-8")
FILES = re.findall(r"^`([\w.]+\.json)`:\n\n```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ headrace ([^\n]+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES:
        (tmp_path / name).write_text(content, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_command_prints_the_documented_output(command: str, output: str) -> None:
    assert CliRunner().invoke(app, shlex.split(command)).stdout == output


def test_page_has_files_and_commands() -> None:
    assert {"labels.asl.json", "broken.asl.json", "mocks.json", "input.json"} == {name for name, _ in FILES}
    assert len(COMMANDS) == TEXT.count("```console")
    assert all(json.loads(content) for _, content in FILES)
