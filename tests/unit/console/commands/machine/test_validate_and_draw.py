"""`headrace machine validate` and `headrace machine draw`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app

MACHINE = {
    "StartAt": "Label",
    "States": {
        "Label": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}
BROKEN = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B", "Retry": []}}}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["machine", *arguments], input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(MACHINE), "utf-8")
    return str(path)


def test_valid_definition_has_exit_code_0(file: str) -> None:
    result = run("validate", file)
    assert (result.exit_code, result.stdout) == (0, f"{file}: no findings\n")


def test_errors_are_listed_with_their_locations_and_exit_code_1() -> None:
    result = run("validate", "-", stdin=json.dumps(BROKEN))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "ERROR SCHEMA_VALIDATION_FAILED /States/A: Field 'Retry' is not supported",
        "ERROR MISSING_TRANSITION_TARGET /States/A/Next: Missing 'Next' target: B",
        "ERROR MISSING_END_STATE: Workflow has no terminal state",
        "-: 3 errors",
    ]


def test_json_is_the_response_of_aws() -> None:
    result = run("validate", "-", "--json", stdin=json.dumps(BROKEN))
    assert result.exit_code == 1
    response = json.loads(result.stdout)
    assert (response["result"], response["truncated"]) == ("FAIL", False)
    assert response["diagnostics"][0] == {
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Field 'Retry' is not supported",
        "location": "/States/A",
    }


def test_type_express_refuses_what_express_machines_cannot_do(tmp_path: Path) -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "End": True}
    path = tmp_path / "machine.json"
    path.write_text(json.dumps({"StartAt": "A", "States": {"A": task}}), "utf-8")
    assert run("validate", str(path)).exit_code == 0
    assert run("validate", str(path), "--type", "EXPRESS").exit_code == 1


def test_json_syntax_error_is_one_line_with_its_position() -> None:
    result = run("validate", "-", stdin='{\n "StartAt": x}')
    assert result.exit_code == 1
    first, last = result.stdout.splitlines()
    assert first.startswith("ERROR INVALID_JSON_DESCRIPTION [Source: (String)")
    assert "line: 2, column: 14" in first
    assert last == "-: 1 error"


@pytest.mark.parametrize("command", ["validate", "draw"])
@pytest.mark.parametrize(("content", "message"), [(None, "cannot read"), (b"\xff", "is not UTF-8: byte 0")])
def test_unreadable_file_is_one_error(command: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    if content is not None:
        path.write_bytes(content)
    result = run(command, str(path))
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_draws_svg_to_standard_output_and_to_a_file(file: str, tmp_path: Path) -> None:
    target = tmp_path / "machine.svg"
    printed, written = run("draw", file), run("draw", file, "--output", str(target))
    assert written.exit_code == 0
    assert str(target) in written.stdout
    ElementTree.fromstring(target.read_text("utf-8"))
    assert ">Label<" in printed.stdout
    ElementTree.fromstring(printed.stdout)


def test_draws_text(file: str) -> None:
    assert run("draw", file, "--text").stdout.splitlines() == [
        "● Label [Task: lambda:invoke]",
        "  → Done",
        "○ Done [Succeed] ■",
    ]


def test_text_is_not_written_to_a_file(file: str, tmp_path: Path) -> None:
    result = run("draw", file, "--text", "--output", str(tmp_path / "x.svg"))
    assert result.exit_code == 1
    assert "omit --output" in result.stderr


def test_machine_with_errors_is_drawn_and_a_text_is_not() -> None:
    assert run("draw", "-", "--text", stdin=json.dumps(BROKEN)).stdout == "● A [Pass]\n"
    result = run("draw", "-", stdin="[]")
    assert result.exit_code == 1
    assert "headrace machine validate -" in result.stderr


def test_machine_that_is_too_large_names_the_text_form() -> None:
    states: dict[str, Any] = {f"s{n}": {"Type": "Pass", "Next": f"s{n + 1}"} for n in range(300)}
    rules = [{"Variable": "$.a", "IsNull": True, "Next": f"s{n}"} for n in range(300)]
    states |= {"s300": {"Type": "Succeed"}, "c": {"Type": "Choice", "Choices": rules}}
    result = run("draw", "-", stdin=json.dumps({"StartAt": "c", "States": states}))
    assert result.exit_code == 1
    assert "Use --text" in result.stderr
