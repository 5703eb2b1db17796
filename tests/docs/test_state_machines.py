"""`docs/state-machines.md`: its files are written and its commands run; their output is exact."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from headrace.connectors.aws.aws_shapes import service_model
from headrace.console.app.main import app
from headrace.console.machines.api import protocol
from headrace.console.machines.api.history import SERVICE
from headrace.console.machines.arns import ArnFactory
from tests.docs.generate import ROOT
from tests.support.machine_client import machine_client
from tests.support.machine_engine import MemoryEngine

TEXT = (ROOT / "docs" / "state-machines.md").read_text("utf-8")
FILES = re.findall(r"^`([\w.-]+\.json)`:\n\n```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ headrace ([^\n]+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PROGRAMS = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ARN = "arn:aws:states:us-east-1:000000000000"


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
    own = {"labels.asl.json", "broken.asl.json", "mocks.json", "input.json", "media.asl.json"}
    own |= {"media-input.json", "media-mocks.json"}
    assert own == {name for name, _ in FILES}
    assert dict(FILES)["media.asl.json"] == (ROOT / "sandbox" / "demo" / "media.asl.json").read_text("utf-8")
    assert len(COMMANDS) == TEXT.count("```console")
    assert all(json.loads(content) for _, content in FILES)


def test_api_example_prints_the_documented_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = machine_client(replace(MemoryEngine(holds_timers=True).services(), arns=ArnFactory("us-east-1", "0" * 12)))
    monkeypatch.setattr(boto3, "client", lambda service: client)
    [(program, output)] = PROGRAMS
    exec(compile(program, "docs/state-machines.md", "exec"), {})
    assert capsys.readouterr().out == output
    lines = re.findall(r"^aws stepfunctions (.+)$", TEXT, re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        operation, *options = shlex.split(line)
        names = [re.sub(r"-(\w)", lambda match: match[1].upper(), name.removeprefix("--")) for name in options[::2]]
        getattr(client, operation.replace("-", "_"))(**dict(zip(names, options[1::2], strict=True)))
    assert client.describe_execution(executionArn=f"{ARN}:execution:review:dog")["redriveCount"] == 1


def test_page_counts_the_operations_of_the_api() -> None:
    assert f"All {len(protocol.OPERATIONS)} operations" in TEXT
    assert set(protocol.OPERATIONS) == set(service_model(SERVICE).operation_names)
