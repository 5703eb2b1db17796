"""Tests of the conformance runner with small commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance import __main__ as cli
from conformance.command import Command, CommandError, Unanswered
from conformance.compare import matches
from conformance.run import read, run_kind
from conformance.table import as_text
from conformance.vectors import Vector

LOOP = """
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    given, answer = asked["input"], {"id": asked["id"]}
    if given == "slow":
        time.sleep(100)
    if given == "exit":
        os._exit(3)
    if given == "other":
        answer["id"] = "other"
    text = "no JSON" if given == "text" else json.dumps({**answer, **(given if isinstance(given, dict) else {})})
    print(text, flush=True)
"""


def vectors(*inputs: Any) -> list[Vector]:
    return [Vector("kind", str(number), given, {"a": 1}) for number, given in enumerate(inputs)]


def command(source: str = LOOP, seconds: float = 30.0) -> Command:
    return Command([sys.executable, "-c", source], seconds, 30.0)


def test_outcomes_are_counted() -> None:
    used = command()
    right, wrong, none = {"output": {"a": 1, "b": 2}}, {"output": {"a": 2}}, {"unsupported": "tasks"}
    result = run_kind(used, vectors(right, wrong, none, "text", "other", "exit", right))
    used.close()
    assert result.counts == {"passed": 2, "failed": 1, "unsupported": 1, "unanswered": 3}
    assert (result.total, result.failed) == (7, ["1"])
    assert set(result.reasons) == {"tasks", "not a JSON object", "an answer with another id", "exit code 3"}


def test_vector_times_out_and_the_next_one_is_answered() -> None:
    used = command(seconds=0.5)
    used.answer({"id": "0", "input": None})
    with pytest.raises(Unanswered, match="timeout"):
        used.answer({"id": "1", "input": "slow"})
    assert used.answer({"id": "2", "input": None}) == {"id": "2"}
    used.close()


def test_command_that_only_exits_is_given_up() -> None:
    used = command("raise SystemExit(1)")
    with pytest.raises(CommandError, match="20 times without an answer"):
        run_kind(used, vectors(*range(30)))


def test_missing_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--kind", "s3-event", "--", "/no/such/command"]) == 2
    assert "does not start" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "x", "1e9"])
def test_invalid_timeout_is_an_error(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["--timeout", seconds, "--", "true"])
    assert "not a number of seconds" in capsys.readouterr().err


def test_failed_vectors_are_an_exit_code_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    chosen = ["--kind", "input-transformer", "--results", str(file), "--name", "None 1"]
    assert cli.main([*chosen, "--", sys.executable, "-c", LOOP]) == 1
    implementation, results = read(file)
    assert (implementation, results["input-transformer"].counts["failed"]) == ("None 1", 20)
    assert capsys.readouterr().out == as_text(results) + "\n"
    assert "failed: input-transformer text-01" in as_text(results)


@pytest.mark.parametrize(
    ("expected", "output", "passes"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {}, False),
        ({"a": 1}, None, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, False),
        ({"a": '{"b": 1}'}, {"a": {"b": 1}}, True),
        ({"a": '"b"\n"c"'}, {"a": '"b"\n"c"'}, True),
        ({"a": None}, {"a": "null"}, False),
    ],
)
def test_output_has_the_expected_members(expected: dict[str, Any], output: Any, passes: bool) -> None:
    assert matches(expected, output) is passes


def test_help_describes_the_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    assert json.dumps("unsupported") in capsys.readouterr().out
