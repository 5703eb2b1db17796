"""`headrace machine test`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app
from tests.support.asl_vectors import FOLDER, load_vectors

MACHINE = {
    "StartAt": "Label",
    "States": {
        "Label": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "ResultPath": "$.labels",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3_600}],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.labels",
            "ItemProcessor": {"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}},
            "End": True,
        },
    },
}
MOCKS = {"Label": [{"Throw": {"Error": "Busy", "Cause": "later"}}, {"Return": [1, 2]}]}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["machine", "test", *arguments], input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(MACHINE), "utf-8")
    return str(path)


@pytest.fixture
def mocks(tmp_path: Path) -> str:
    path = tmp_path / "mocks.json"
    path.write_text(json.dumps(MOCKS), "utf-8")
    return str(path)


def test_prints_the_path_with_inputs_outputs_and_errors(file: str, mocks: str) -> None:
    result = run(file, "--input", '{"key": "a.jpg"}', "--mocks", mocks)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "Label (Task)",
        '    input   {"key":"a.jpg"}',
        "    error   Busy: later",
        '    output  {"key":"a.jpg","labels":[1,2]}',
        "Each (Map)",
        '    input   {"key":"a.jpg","labels":[1,2]}',
        "  Keep (Pass)",
        "      input   1",
        "      output  1",
        "  Keep (Pass)",
        "      input   2",
        "      output  2",
        "    output  [1,2]",
        "SUCCEEDED output [1,2]",
    ]


def test_input_is_read_from_a_file_and_from_standard_input(file: str, mocks: str, tmp_path: Path) -> None:
    value = tmp_path / "input.json"
    value.write_text('{"key": "b.jpg"}', "utf-8")
    for result in (
        run(file, "--input", f"@{value}", "--mocks", mocks),
        run(file, "--input", "-", "--mocks", mocks, stdin='{"key": "b.jpg"}'),
    ):
        assert '    input   {"key":"b.jpg"}' in result.stdout.splitlines()


def test_json_has_whole_values_and_the_trace_has_each_event(file: str, mocks: str) -> None:
    document = json.loads(
        run(file, "--input", json.dumps({"text": "x" * 5_000}), "--mocks", mocks, "--json", "--trace").stdout
    )
    assert document["status"] == "SUCCEEDED"
    assert document["output"] == [1, 2]
    assert document["path"][0]["input"] == {"text": "x" * 5_000}
    assert [step["state"] for step in document["path"]] == ["Label", "Each", "Keep", "Keep"]
    assert document["path"][0]["errors"] == [{"error": "Busy", "cause": "later"}]
    assert [event["type"] for event in document["events"]][:3] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
    ]


def test_trace_prints_one_line_for_each_event(file: str, mocks: str) -> None:
    lines = run(file, "--mocks", mocks, "--trace").stdout.splitlines()
    assert lines[1].split()[:2] == ["2", "TaskStateEntered"]
    assert lines[-1] == "SUCCEEDED output [1,2]"


def test_failed_run_has_exit_code_1_error_and_cause() -> None:
    definition = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "NoLabels", "Cause": "empty image"}}}
    result = run("-", stdin=json.dumps(definition))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "FAILED error NoLabels cause empty image"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one of FILE and --batch FILE"),
        (["{file}", "--batch", "{file}"], "exactly one of FILE and --batch FILE"),
        (["{file}", "--input", "{"], "the input cannot be read"),
        (["{file}", "--mocks", "{file}"], "mocks"),
        (["{file}"], "(--mocks FILE)"),
        (["{file}", "--mocks", "/nonexistent"], "cannot read /nonexistent"),
        (["/nonexistent"], "cannot read /nonexistent"),
    ],
)
def test_wrong_use_is_one_error_that_names_the_option(arguments: list[str], message: str, file: str) -> None:
    result = run(*(argument.replace("{file}", file) for argument in arguments))
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_definition_with_errors_names_the_command_that_lists_them() -> None:
    result = run("-", stdin='{"StartAt": "A"}')
    assert result.exit_code == 1
    assert "- has 1 error. To list them: headrace machine validate -" in result.stderr


def test_one_state_shows_its_data_after_each_step(file: str, mocks: str, tmp_path: Path) -> None:
    retried = run(file, "--state", "Label", "--input", '{"key": 1}', "--mocks", mocks)
    assert (retried.exit_code, retried.stdout.splitlines()[-1]) == (0, "RETRIABLE error Busy cause later")
    path = tmp_path / "result.json"
    path.write_text('{"Label": [{"Return": [7]}]}', "utf-8")
    result = run(file, "--state", "Label", "--input", '{"key": 1}', "--mocks", str(path))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        '    input  {"key":1}',
        '    afterInputPath  {"key":1}',
        '    afterParameters  {"key":1}',
        "    result  [7]",
        "    afterResultSelector  [7]",
        '    afterResultPath  {"key":1,"labels":[7]}',
        'SUCCEEDED output {"key":1,"labels":[7]} nextState Each',
    ]


def test_one_state_as_json_is_the_response_of_aws(file: str) -> None:
    response = json.loads(run(file, "--state", "Keep", "--input", "5", "--json").stdout)
    assert (response["status"], response["output"], response["inspectionData"]["input"]) == ("SUCCEEDED", "5", "5")


@pytest.mark.parametrize(
    ("state", "message"), [("None", "State not found in definition"), ("Label", "add a mock (--mocks FILE)")]
)
def test_state_that_cannot_be_tested_is_one_error(state: str, message: str, file: str) -> None:
    result = run(file, "--state", state)
    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.parametrize("entries", ["[]", '{"Keep": {}}', '{"Keep": [{"Return": 1, "Throw": {}}]}'])
def test_malformed_mocks_of_one_state_are_one_error(entries: str, file: str, tmp_path: Path) -> None:
    path = tmp_path / "malformed.json"
    path.write_text(entries, "utf-8")
    result = run(file, "--state", "Keep", "--mocks", str(path))
    assert result.exit_code == 1
    assert result.stderr.endswith("(--mocks FILE)\n")


def test_batch_prints_one_line_for_each_line() -> None:
    lines = [
        json.dumps({"name": "a", "definition": MACHINE, "input": {}, "mocks": MOCKS}),
        "no JSON",
        json.dumps({"name": "b", "definition": {"StartAt": "A"}, "input": {}}),
        "",
        json.dumps({"name": "c", "definition": json.dumps(MACHINE), "input": {}, "mocks": {"Label": [{"Return": []}]}}),
        "[" * 100_000,
        '{"name": "d", "definition": 1}',
    ]
    result = run("--batch", "-", stdin="\n".join(lines))
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(answer["name"], answer["status"]) for answer in answers] == [
        ("a", "SUCCEEDED"),
        (None, "INVALID"),
        ("b", "INVALID"),
        ("c", "SUCCEEDED"),
        (None, "INVALID"),
        ("d", "INVALID"),
    ]
    assert answers[0]["output"] == [1, 2]
    assert "These fields are required: [States]" in answers[2]["cause"]


def test_batch_goes_on_after_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace.streams.machines.local_run import batch

    def planted(line: bytes, _settings: Any) -> dict[str, Any]:
        if b"bad" in line:
            raise ZeroDivisionError("planted")
        return {"name": "good", "status": "SUCCEEDED"}

    monkeypatch.setattr(batch, "answer_line", planted)
    result = run("--batch", "-", stdin="bad\ngood\n")
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == ["INVALID", "SUCCEEDED"]
    assert "planted" in result.stderr


def test_batch_answers_the_recorded_executions() -> None:
    result = run("--batch", str(FOLDER / "localstack-executions.jsonl"))
    answers = {answer["name"]: answer["status"] for answer in map(json.loads, result.stdout.splitlines())}
    recorded = {vector["name"]: vector["expected"]["status"] for vector in load_vectors("localstack-executions")}
    assert answers == recorded
