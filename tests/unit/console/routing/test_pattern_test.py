"""`headrace rules test`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(app, ["rules", "test", *arguments], input=given)


def test_match_exits_with_0() -> None:
    result = run('{"a": [{"prefix": "x"}]}', '{"a": "xy"}')
    assert (result.exit_code, result.stdout) == (0, "match\n")


def test_mismatch_exits_with_2_and_the_reason() -> None:
    result = run('{"a": {"b": [{"numeric": [">", 3]}]}, "c": [1]}', '{"a": {"b": 2}, "c": 1}')
    assert result.exit_code == 2
    assert result.stdout == 'no match: a.b: expected [{"numeric":[">",3]}], got 2 (1 of 2 clauses match)\n'


def test_missing_field_is_reported_as_no_value() -> None:
    assert "got no value" in run('{"a": [1]}', "{}").stdout


def test_reports_clauses_met_by_different_elements() -> None:
    result = run('{"a": {"b": [1], "c": [2]}}', '{"a": [{"b": 1}, {"c": 2}]}')
    assert "different elements of the array" in result.stdout


def test_reads_pattern_and_event_from_files(tmp_path: Path) -> None:
    (tmp_path / "pattern.json").write_text('{"a": [1]}')
    (tmp_path / "event.json").write_text('{"a": 1}')
    assert run(str(tmp_path / "pattern.json"), str(tmp_path / "event.json")).stdout == "match\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (('{"a": [{"perfix": "x"}]}', "{}"), "the pattern is not valid: a: unknown operator 'perfix'"),
        (("{", "{}"), "the pattern is no JSON"),
        (('{"a": [1]}', "[]"), "an event is a JSON object"),
        (('{"a": [1]}', "nowhere.json"), "nowhere.json: No such file"),
        (('{"a": [1]}',), "missing PATTERN and EVENT, or --batch FILE"),
    ],
)
def test_invalid_input_is_a_one_line_error(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_batch_prints_one_result_per_line_and_continues_after_errors(tmp_path: Path) -> None:
    lines = [
        {"pattern": {"a": [1]}, "event": {"a": 1}},
        {"pattern": '{"a": [1]}', "event": {"a": 2}},
        {"pattern": {"a": 1}, "event": {"a": 1}},
        {"pattern": {"a": [1]}, "event": 1},
        {"pattern": {"a": [1]}},
        [],
        5,
    ]
    given = "\n".join([*map(json.dumps, lines), "{", "", '{"pattern": {"a": [1]}, "event": {"a": 1.0}}'])
    answers = [json.loads(line) for line in run("--batch", "-", given=given).stdout.splitlines()]
    assert answers[0] == {"match": True}
    assert answers[1] == {"match": False}
    assert [list(each) for each in answers[2:-1]] == [["error"]] * 6
    assert answers[2]["error"].startswith("a: ")
    assert answers[-1] == {"match": True}
