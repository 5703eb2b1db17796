"""`headrace sandbox`: what it prints and how it exits."""

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


def test_up_says_what_is_ready_and_how_to_go_on(data: Path) -> None:
    code, said = run("up", "--data", data)
    assert code == 0
    assert all(f" {name} " in said for name in COMPONENTS)
    assert f"""eval "$(headrace sandbox env --data '{data}')\"""" in said


def test_up_twice_says_that_it_is_up(data: Path) -> None:
    run("up", "--data", data)
    assert run("up", "--data", data) == (0, f"Already up, in {data}\n")


def test_a_failed_up_says_why_and_exits_with_1(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMPONENTS, "ai", failing("ai"))
    code, said = run("up", "--data", data)
    assert code == 1
    assert "The sandbox's ai ended while it started" in said
    assert "Traceback" not in said


def test_the_variables_are_for_a_shell(data: Path) -> None:
    run("up", "--data", data)
    code, said = run("env", "--data", data)
    assert code == 0
    shell = subprocess.run(["sh", "-c", f"{said}\nenv"], capture_output=True, text=True, check=True, env={})
    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert json.loads(run("env", "--json", "--data", data)[1]).items() <= variables.items()
    assert variables["HEADRACE_MEDIA_BUCKET"] == "headrace-media"


def test_status_shows_what_runs_and_names_what_crashed(data: Path) -> None:
    state = cluster.up(data)
    code, said = run("status", "--data", data)
    assert (code, said.count("running")) == (0, 3)
    os.kill(state.parts["aws"].pid, 9)
    os.waitpid(state.parts["aws"].pid, 0)
    state.parts["aws"].log.write_text("OutOfMemoryError\n")
    code, said = run("status", "--data", data)
    assert (code, said.count("running")) == (1, 2)
    assert "aws crashed. `headrace sandbox up` starts it again." in said
    assert f"{state.parts['aws'].log}:\n  OutOfMemoryError" in said


def test_status_as_json_is_one_list(data: Path) -> None:
    state = cluster.up(data)
    code, said = run("status", "--json", "--data", data)
    assert code == 0
    assert {row["name"]: (row["status"], row["port"], row["pid"]) for row in json.loads(said)} == {
        name: ("running", part.port, part.pid) for name, part in state.parts.items()
    }


@pytest.mark.parametrize("command", [["status"], ["env"], ["kafka", "topics", "--list"]])
def test_what_needs_a_sandbox_says_that_none_is_up(data: Path, command: list[str]) -> None:
    name, *rest = command
    code, said = run(name, "--data", data, *rest)
    assert code == 1
    assert "tart it with `headrace sandbox up`." in said


def test_down_says_what_it_ended(data: Path) -> None:
    run("up", "--data", data)
    code, said = run("down", "--data", data)
    assert code == 0
    assert said.startswith("Ended: ")
    assert run("down", "--data", data) == (0, "Nothing was running\n")


def test_an_unknown_tool_of_kafka_names_those_that_there_are(data: Path) -> None:
    run("up", "--data", data)
    code, said = run("kafka", "--data", data, "topcis")
    assert code == 2
    assert "topcis" in said
    assert "consumer-groups" in said


def test_a_damaged_state_is_one_line(data: Path) -> None:
    data.mkdir()
    (data / FILE).write_text("{")
    code, said = run("down", "--data", data)
    (data / FILE).unlink()
    assert code == 1
    assert said.count("\n") == 1


def test_help_shows_every_command() -> None:
    code, said = run("--help")
    assert code == 0
    assert all(f" {name} " in said for name in ("up", "down", "status", "env", "kafka"))


def test_a_start_that_is_ended_by_sigterm_leaves_nothing_running(tmp_path: Path) -> None:
    code = (
        "from tests.unit.sandbox.cluster.recipes import failing, server\n"
        "from headrace.sandbox.cluster.components import COMPONENTS\n"
        "import os, signal\n"
        "COMPONENTS['kafka'] = failing('kafka', 'import time; time.sleep(60)')\n"
        "COMPONENTS['ai'] = server('ai')\n"
        "COMPONENTS['aws'] = server('aws', finish=lambda port: os.kill(os.getpid(), signal.SIGTERM))\n"
        "from headrace.sandbox.cli.sandbox import app\n"
        f"app(['up', '--data', {str(tmp_path)!r}])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 143, ended.stderr
    assert cluster.status(tmp_path) == []
