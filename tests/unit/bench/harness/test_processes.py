"""Benchmark processes return a JSON result or a readable error."""

from __future__ import annotations

import sys

import pytest

from bench.harness.processes import answer


def command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_decodes_the_last_line() -> None:
    assert answer(command("print('warming up'); print('[1, 2]')"), list[int]) == [1, 2]


def test_adds_environment_variables() -> None:
    code = "import json, os; print(json.dumps([os.environ['PACE'], 'PATH' in os.environ]))"
    assert answer(command(code), list[str | bool], variables={"PACE": "7"}) == ["7", True]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; print('[1]'); sys.exit('no broker')", ["exited with 1", "no broker"]),
        ("import sys; print('[1, 2', end=''); print('odd', file=sys.stderr)", ["exited with 0", "'[1, 2'", "odd"]),
        ("", ["exited with 0", "''"]),
        ("print('[\"one\"]')", ["exited with 0", '["one"]']),
    ],
)
def test_failure_exits_with_the_error_output(code: str, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        answer(command(code), list[int])
    assert all(word in str(ended.value) for word in words), ended.value
