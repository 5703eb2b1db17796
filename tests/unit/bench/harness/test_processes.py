"""What a benchmark runs in a process of its own answers, or says why it did not."""

from __future__ import annotations

import sys

import pytest

from bench.harness.processes import answer


def command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_last_line_is_the_answer() -> None:
    assert answer(command("print('warming up'); print('[1, 2]')"), list[int]) == [1, 2]


def test_variables_are_added_to_those_that_there_are() -> None:
    code = "import json, os; print(json.dumps([os.environ['PACE'], 'PATH' in os.environ]))"
    assert answer(command(code), list[str | bool], variables={"PACE": "7"}) == ["7", True]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; print('[1]'); sys.exit('no broker')", ["ended with 1", "no broker"]),
        ("import sys; print('[1, 2', end=''); print('odd', file=sys.stderr)", ["ended with 0", "'[1, 2'", "odd"]),
        ("", ["ended with 0", "''"]),
        ("print('[\"one\"]')", ["ended with 0", '["one"]']),
    ],
)
def test_what_gives_no_answer_ends_the_benchmark_with_what_it_said(code: str, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        answer(command(code), list[int])
    assert all(word in str(ended.value) for word in words), ended.value
