"""Tests of the output and exit codes of `headrace sandbox`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.sandbox.cli.sandbox import app
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.components import COMPONENTS
from headrace.sandbox.cluster.state_file import FILE
from tests.unit.sandbox.cluster.recipes import failing, server


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in COMPONENTS:
        monkeypatch.setitem(COMPONENTS, name, server(name))
    yield tmp_path / "my data"
    cluster.down(tmp_path / "my data")


def run(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return found.exit_code, found.output


def test_up_prints_components_and_the_next_step(data: Path) -> None:
    code, output = run("up", "--data", data)
    assert code == 0
    assert all(f" {name} " in output for name in COMPONENTS)
    assert f"""eval "$(headrace sandbox env --data '{data}')\"""" in output


def test_second_up_prints_that_it_is_up(data: Path) -> None:
    run("up", "--data", data)
    assert run("up", "--data", data) == (0, f"Already up, in {data}\n")


def test_failed_up_prints_the_cause_and_exits_with_1(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMPONENTS, "ai", failing("ai"))
    code, output = run("up", "--data", data)
    assert code == 1
    assert "The sandbox's ai exited during its start" in output
    assert "Traceback" not in output


def test_env_output_can_be_evaluated_by_a_shell(data: Path) -> None:
    run("up", "--data", data)
    code, output = run("env", "--data", data)
    assert code == 0
    shell = subprocess.run(["sh", "-c", f"{output}\nenv"], capture_output=True, text=True, check=True, env={})
    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert json.loads(run("env", "--json", "--data", data)[1]).items() <= variables.items()
    assert variables["HEADRACE_MEDIA_BUCKET"] == "headrace-media"


def test_status_shows_live_and_crashed_components(data: Path) -> None:
    state = cluster.up(data)
    code, output = run("status", "--data", data)
    assert (code, output.count("running")) == (0, 3)
    os.kill(state.parts["aws"].pid, 9)
    os.waitpid(state.parts["aws"].pid, 0)
    state.parts["aws"].log.write_text("OutOfMemoryError\n")
    code, output = run("status", "--data", data)
    assert (code, output.count("running")) == (1, 2)
    assert "aws crashed. Run `headrace sandbox up` to restart it." in output
    assert f"{state.parts['aws'].log}:\n  OutOfMemoryError" in output


def test_status_as_json_is_one_list(data: Path) -> None:
    state = cluster.up(data)
    code, output = run("status", "--json", "--data", data)
    assert code == 0
    assert {row["name"]: (row["status"], row["port"], row["pid"]) for row in json.loads(output)} == {
        name: ("running", part.port, part.pid) for name, part in state.parts.items()
    }


@pytest.mark.parametrize("command", [["status"], ["env"], ["kafka", "topics", "--list"]])
def test_commands_fail_without_a_sandbox(data: Path, command: list[str]) -> None:
    name, *rest = command
    code, output = run(name, "--data", data, *rest)
    assert code == 1
    assert "tart it with `headrace sandbox up`." in output


def test_down_prints_the_stopped_components(data: Path) -> None:
    run("up", "--data", data)
    code, output = run("down", "--data", data)
    assert code == 0
    assert output.startswith("Stopped: ")
    assert run("down", "--data", data) == (0, "Nothing was running\n")


def test_unknown_kafka_tool_error_lists_the_tools(data: Path) -> None:
    run("up", "--data", data)
    code, output = run("kafka", "--data", data, "topcis")
    assert code == 2
    assert "topcis" in output
    assert "consumer-groups" in output


def test_damaged_state_is_a_one_line_error(data: Path) -> None:
    data.mkdir()
    (data / FILE).write_text("{")
    code, output = run("down", "--data", data)
    (data / FILE).unlink()
    assert code == 1
    assert output.count("\n") == 1


def test_help_lists_every_command() -> None:
    code, output = run("--help")
    assert code == 0
    assert all(f" {name} " in output for name in ("up", "down", "status", "env", "kafka"))


def test_sigterm_during_up_stops_everything(tmp_path: Path) -> None:
    code = (
        "from tests.unit.sandbox.cluster.recipes import failing, server\n"
        "from headrace.sandbox.cluster.components import COMPONENTS\n"
        "import os, signal\n"
        "COMPONENTS['kafka'] = failing('kafka', 'import time; time.sleep(60)')\n"
        "COMPONENTS['ai'] = server('ai')\n"
        "COMPONENTS['aws'] = server('aws', finish=lambda port, access: os.kill(os.getpid(), signal.SIGTERM))\n"
        "from headrace.sandbox.cli.sandbox import app\n"
        f"app(['up', '--data', {str(tmp_path)!r}])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 143, ended.stderr
    assert cluster.status(tmp_path) == []
