"""The commands that deploy machines, and read and change executions, on an engine in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app
from headrace.console.commands import trace
from headrace.console.machines import connect
from headrace.console.machines.port import MachineServices
from headrace.console.terminal.screen import Console
from headrace.console.views.database import Views
from headrace.console.views.queries import execution_states
from tests.support.machine_engine import MemoryEngine
from tests.unit.console.machines.support import passing, waiting

FAILING = {"Throw": {"Error": "Boom", "Cause": "it broke"}}


class Shell:
    """Runs commands on one engine, with files in one folder."""

    def __init__(self, folder: Path, engine: MemoryEngine) -> None:
        self.folder = folder
        self.engine = engine

    def file(self, definition: Any, name: str = "review.asl.json") -> str:
        path = self.folder / name
        path.write_text(json.dumps(definition), "utf-8")
        return str(path)

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["machine", *arguments])
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell; the task `Ask` fails twice, and then succeeds."""
    engine = MemoryEngine({"Ask": [FAILING, FAILING, {"Return": 1}, {"Return": 2}]})
    services = engine.services()

    @contextmanager
    def opened(_: object) -> Iterator[MachineServices]:
        yield services

    monkeypatch.setattr(connect, "machine_services", opened)
    return Shell(tmp_path, engine)


def test_deploy_creates_updates_and_publishes(shell: Shell) -> None:
    first = shell.json("deploy", shell.file(waiting()), "--publish", "--description", "first")
    assert (first["name"], first["version"]) == ("review", f"{first['arn']}:1")
    second = shell.json("deploy", shell.file(waiting(TimeoutSeconds=60)), "--alias", "live")
    assert (second["version"], second["alias"]) == (f"{first['arn']}:2", f"{first['arn']}:live")
    assert [each["number"] for each in shell.json("versions", "review")] == [2, 1]
    assert "first" in shell.run("versions", "review").stdout
    shell.run("alias", "review", "live", "1=90", "2=10")
    assert shell.run("alias", "review").stdout == "live 1=90%, 2=10%\n"
    assert "give VERSION" in shell.run("alias", "review", "live", "x", code=1).output
    assert "must not be referenced by an alias" in shell.run("versions", "review", "--delete", "1", code=1).output
    shell.run("alias", "review", "live", "--delete", "--yes")
    assert shell.run("alias", "review").stdout == "no aliases\n"
    assert shell.run("list").stdout.startswith("review STANDARD revision ")


def test_invalid_definition_is_not_deployed(shell: Shell) -> None:
    broken = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}
    assert "headrace machine validate" in shell.run("deploy", shell.file(broken), code=1).output
    assert shell.run("list").stdout == "no state machines: headrace machine deploy FILE creates one\n"


def test_execution_is_shown_and_redriven_in_bulk(shell: Shell) -> None:
    shell.run("deploy", shell.file(waiting()))
    for name in ("a", "b"):
        value = json.dumps({"bucket": "media", "key": f"{name}.jpg"})
        shell.run("start", "review", "--name", name, "--input", value, "--wait", "5", code=1)
    assert [each["name"] for each in shell.json("list", "review", "--error", "Boom")] == ["b", "a"]
    shown = shell.run("describe", "review/a").stdout
    assert "Ask (Task) failed" in shown
    assert "sns:publish.waitForTaskToken failed Boom: it broke" in shown
    assert "executions: 2 FAILED" in shell.run("describe", "review").stdout
    events = [json.loads(line) for line in shell.run("history", "review/a", "--json").stdout.splitlines()]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    plan = shell.run("redrive", "--machine", "review").stdout
    assert "2 to redrive (2 Boom), 0 refused\nnothing was redriven: add --execute\n" in plan
    assert "2 redriven" in shell.run("redrive", "--machine", "review", "--execute", "--rate", "1000").stdout
    assert [each["status"] for each in shell.json("list", "review")] == ["SUCCEEDED", "SUCCEEDED"]


def test_newer_definition_is_compared_before_a_redrive(shell: Shell) -> None:
    shell.run("deploy", shell.file(waiting()))
    shell.run("start", "review", "--name", "a", "--wait", "5", code=1)
    shell.run("deploy", shell.file(waiting(TimeoutSeconds=60)))
    assert "changed in Ask: TimeoutSeconds" in shell.run("redrive", "review/a", "--version", "latest").stdout
    shell.run("deploy", shell.file(passing()))
    refused = shell.json("redrive", "review/a", "--version", "latest")["refused"]
    assert [each["reason"] for each in refused] == ["Ask: the new definition has no such state at this place"]
    assert "has no version 9" in shell.run("redrive", "review/a", "--version", "9", code=1).output
    assert "name executions, or give --machine" in shell.run("redrive", code=1).output


def test_diff_prints_states_and_lines(shell: Shell) -> None:
    shell.run("deploy", shell.file(waiting()), "--publish")
    other = shell.file(passing(), "other.json")
    printed = shell.run("diff", "review:1", other, code=1).stdout
    assert "added: State_1\nremoved: Ask\n" in printed
    assert shell.run("diff", "review:1").stdout == "no differences\n"


def test_unknown_names_have_errors_that_name_the_command(shell: Shell) -> None:
    shell.run("deploy", shell.file(waiting()))
    assert "headrace machine list lists them" in shell.run("describe", "none", code=1).output
    assert "headrace machine list review lists them" in shell.run("stop", "review/none", code=1).output
    assert "one of RUNNING" in shell.run("list", "review", "--status", "x", code=1).output


def test_trace_shows_the_states_of_the_executions_of_an_asset(shell: Shell) -> None:
    shell.run("deploy", shell.file(waiting()))
    shell.run("start", "review", "--name", "a", "--input", '{"bucket": "media", "key": "a.jpg"}')
    views = Views(shell.engine.views, "memory")
    [(execution, visits)] = trace.executions_of(views, "media/a.jpg")
    assert (execution.name, [visit.state for visit in visits]) == ("a", ["Ask"])
    console = Console(width=200)
    with console.capture() as captured:
        console.print(trace.visits_table(visits))
    assert "Ask" in captured.get()
    assert "Boom" in captured.get()
    assert trace.executions_of(views, "media/b.jpg") == []
    assert execution_states.as_json([(execution, visits)])[0]["states"][0]["error"] == "Boom"
